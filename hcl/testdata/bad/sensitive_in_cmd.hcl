variable "token" {
  sensitive = true
  default   = "s3cret"
}

config "base" {
  hp {
    lr = 0.1
  }
  run {
    cmd = "python train.py --token ${var.token} ${flags(hp)}"
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr = [0.1, 0.01]
  }
}
