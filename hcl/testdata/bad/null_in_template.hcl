config "base" {
  hp {
    lr   = 0.1
    note = any(null)
  }
  run {
    cmd = "python train.py --note ${hp.note}"
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr = [0.1, 0.01]
  }
}
