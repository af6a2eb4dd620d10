config "base" {
  hp {
    lr = 0.1
  }
  run {
    cmd = "python train.py --data ${env("DATA")} ${flags(hp)}"
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr = [0.1, 0.01]
  }
}
