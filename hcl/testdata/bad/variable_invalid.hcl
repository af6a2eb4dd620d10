# options: --var depth=32
variable "depth" {
  type    = number
  default = 4
  validation {
    condition     = var.depth <= 16
    error_message = "A depth of ${var.depth} does not fit the memory of one GPU; the most is 16."
  }
}

config "base" {
  hp {
    lr    = 0.1
    depth = var.depth
  }
  run {
    cmd = "python train.py ${flags(hp)}"
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr = [0.1, 0.01]
  }
}
