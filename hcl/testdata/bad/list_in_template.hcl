config "base" {
  hp {
    lr     = 0.1
    widths = [64, 32]
  }
  run {
    cmd = "python train.py --widths ${hp.widths}"
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr = [0.1, 0.01]
  }
}
