config "base" {
  hp { lr = 0.1 }
  run { cmd = "python train.py ${flags(hp)}" }
}

config "wide" {
  from = config.base
  run { timeout = config.base.run.timeout }
}

sweep "nightly" { config = config.wide }
