config "base" {
  hp {
    lr = 0.1
  }
  run {
    cmd = "python train.py ${flags(hp)}"
  }
  resources {
    k8 {
      secret_env = { WANDB_API_KEY = "wandb" }
    }
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr = [0.1, 0.01]
  }
}
