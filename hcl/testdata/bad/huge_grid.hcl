config "base" {
  hp {
    a = 0
    b = 0
    c = 0
    d = 0
    e = 0
    f = 0
  }
  run { cmd = "python train.py ${flags(hp)}" }
}

sweep "nightly" {
  config = config.base
  grid {
    a = range(1000)
    b = range(1000)
    c = range(1000)
    d = range(1000)
    e = range(1000)
    f = range(1000)
  }
}
