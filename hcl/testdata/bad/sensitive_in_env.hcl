variable "token" {
  sensitive = true
  default   = "s3cret"
}

config "base" {
  hp {
    lr = 0.1
  }
  run {
    cmd = "python train.py ${flags(hp)}"
    env = { WANDB_API_KEY = var.token }
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr = [0.1, 0.01]
  }
}
