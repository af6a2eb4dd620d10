config "base" {
  hp {
    lr = 0.1
  }
  run {
    cmd = { program = "python" }
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr = [0.1, 0.01]
  }
}
