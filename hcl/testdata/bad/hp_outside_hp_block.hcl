config "base" {
  lr    = 0.1
  depth = 4
  run {
    cmd = "python train.py ${flags(hp)}"
  }
}

sweep "nightly" { config = config.base }
