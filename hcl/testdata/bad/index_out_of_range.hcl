config "base" {
  hp {
    lr     = 0.1
    widths = [64, 32]
  }
  run {
    cmd = "python train.py --first ${hp.widths[2]}"
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr = [0.1, 0.01]
  }
}
