config "base" {
  hp {
    lr     = 0.1
    widths = [any(64), 32]
  }
  run {
    cmd = "python train.py ${flags(hp)}"
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr = [0.1, 0.01]
  }
}
