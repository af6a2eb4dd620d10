locals { image = "train:v1" }

config "base" {
  hp {
    lr = 0.1
  }
  run {
    cmd = "run ${local.imgae} ${flags(hp)}"
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr = [0.1, 0.01]
  }
}
