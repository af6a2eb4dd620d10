config "base" {
  hp {
    lr = 0.1
  }
  run {
    cmd = "timeout ${run.timeout} python train.py ${flags(hp)}"
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr = [0.1, 0.01]
  }
}
