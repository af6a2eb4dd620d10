config "base" {
  hp {
    lr = 0.1
  }
  run {
    command = "python train.py"
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr = [0.1, 0.01]
  }
}
