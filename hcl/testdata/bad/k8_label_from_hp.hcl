config "base" {
  hp {
    lr   = 0.1
    note = "fine"
  }
  run {
    cmd = "python train.py ${flags(hp)}"
  }
  resources {
    k8 {
      labels = { note = hp.note }
    }
  }
}

sweep "nightly" {
  config = config.base
  grid {
    note = ["fine", "not fine", "nor this"]
  }
}
