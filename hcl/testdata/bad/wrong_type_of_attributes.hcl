config "base" {
  hp {
    lr = 0.1
  }
  run {
    cmd     = ["python", ["train.py"]]
    inputs  = "train.py"
    env     = ["A=1"]
    retries = "two"
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr = [0.1, 0.01]
  }
}
