config "base" {
  hp {
    lr     = hp.warmup / 1000
    steps  = 100
    warmup = hp.lr * hp.steps
  }
  run { cmd = "python train.py ${flags(hp)}" }
}

sweep "nightly" { config = config.base }
