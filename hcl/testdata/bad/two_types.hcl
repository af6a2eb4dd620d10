config "a" {
  hp { lr = 0.1 }
}

config "b" {
  hp { lr = "fast" }
}

config "both" {
  from = [config.a, config.b]
  run { cmd = "python train.py ${flags(hp)}" }
}

sweep "nightly" { config = config.both }
