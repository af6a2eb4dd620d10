config "base" {
  hp {
    lr = 0.1
  }
  run {
    cmd = "python train.py ${flags(hp)}"
  }
  resources {
    k8 {
      volume "data" {
        persistent_volume_claim = "imagenette"
        host_path               = "/data"
        mount_path              = "/data"
      }
      volume "nowhere" {
        mount_path = "/nowhere"
      }
      volume "unmounted" {
        secret = "wandb"
      }
      volume "sized" {
        config_map = "settings"
        mount_path = "/settings"
        size_limit = "1Gi"
      }
      volume "values" {
        nfs        = "/exported"
        mount_path = "values"
        sub_path   = "../up"
      }
      volume "shm" {
        empty_dir  = "ram"
        mount_path = "/dev/shm"
        size_limit = "8GB"
      }
      volume "again" {
        empty_dir  = "disk"
        mount_path = "/data"
        read_only  = "no"
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
