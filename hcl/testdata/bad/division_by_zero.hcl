config "base" {
  hp {
    lr      = 0.1
    steps   = 0
    per_run = 1 / hp.steps
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
