variable "tag" {
  type        = string
  description = "Image tag to train with."
}

config "base" {
  hp {
    lr = 0.1
  }
  run {
    cmd = "run ${var.tag} ${flags(hp)}"
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr = [0.1, 0.01]
  }
}
