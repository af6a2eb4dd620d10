config "base" {
  hp {
    lr = 0.1
  }
  run {
    cmd = "python train.py ${flags(hp)}"
  }
  resources {
    k8 {
      volume "Data Set" {
        host_path  = "/data"
        mount_path = "/data"
      }
      volume "lxsweep-output" {
        empty_dir  = "disk"
        mount_path = "/output"
      }
      volume "empty" {
      }
    }
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr = [0.1, 0.01]
  }
}
