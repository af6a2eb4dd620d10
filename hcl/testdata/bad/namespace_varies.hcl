config "base" {
  hp {
    lr   = 0.1
    team = "vision"
  }
  run {
    cmd = "python train.py ${flags(hp)}"
  }
  resources {
    k8 {
      namespace = "ml-${hp.team}"
    }
  }
}

sweep "nightly" {
  config = config.base
  grid {
    team = ["vision", "language"]
  }
}
