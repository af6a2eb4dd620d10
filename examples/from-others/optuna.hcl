config "train" {
  hp {
    lr        = 1e-3
    dropout   = 0
    layers    = 2
    width     = 64
    optimizer = "adam"
  }
  run {
    cmd = "python3 train.py ${flags(hp, { style = "equals" })}"
  }
}

sweep "grid" {
  config = config.train

  grid {
    lr        = [1e-3, 1e-2]
    dropout   = [0, 0.2]
    layers    = [2, 4]
    optimizer = ["adam", "sgd"]
  }
  objective { minimize = "val_loss" }
}

sweep "random" {
  config = config.train

  sample "random" { # or "sobol", which is QMCSampler's
    count = 40
    seed  = 7
    hp {
      lr        = loguniform(1e-5, 1e-1)
      dropout   = uniform(0, 0.5, 0.1)
      layers    = uniform(1, 6, 1)
      width     = loguniform(16, 256, 1)
      optimizer = ["adam", "sgd"]
    }
  }
  objective { minimize = "val_loss" }
}
