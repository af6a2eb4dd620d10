config "base" {
  hp {
    lr = 0.1
  run {
    cmd = "python train.py ${flags(hp)}"
  }
}

sweep "nightly" { config = config.base }
