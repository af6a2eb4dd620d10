# options: --var tga=v2
variable "tag" { default = "v1" }

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
