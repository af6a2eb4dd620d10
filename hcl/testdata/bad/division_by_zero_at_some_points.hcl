config "base" {
  hp {
    steps   = 8
    workers = 2
    each    = hp.steps / hp.workers
  }
  run { cmd = "python train.py ${flags(hp)}" }
}

sweep "nightly" {
  config = config.base
  grid {
    workers = [0, 1, 2]
    steps   = [8, 16, 32]
  }
}
