config {
  hp { lr = 0.1 }
}

sweep "nightly" { config = config.base }
