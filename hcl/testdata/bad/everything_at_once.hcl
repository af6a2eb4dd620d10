# options: --var tga=v2
variable "tag" { default = "v1" }

locals {
  image = "train:${var.tg}"
}

config "base" {
  hp {
    lr    = 0.1
    depth = 4
  }
  run {
    cmd        = "python train.py --lr ${hp.lrr} --data ${DATA}"
    max_memory = "8GB"
    timeot     = "4h"
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr    = logspce(1e-4, 1e-2, 3)
    detph = [2, 4]
  }
  skip { when = hp.depth }
}
