config "train" {
  hp {
    lr         = 0.01
    batch_size = 32
    momentum   = 0.9
    layers     = 2
    dropout    = 0
    bias       = 0
    activation = "relu"
  }
  run {
    cmd = "python3 train.py ${flags(hp)}"
  }
}

sweep "random" {
  config = config.train

  sample "random" {
    count = 40
    seed  = 7
    hp {
      lr         = loguniform(0.0001, 0.1)
      batch_size = loguniform(32, 256, 8)
      momentum   = uniform(0.5, 0.99)
      layers     = uniform(1, 6, 1)
      dropout    = uniform(0, 0.5, 0.1)
      bias       = normal(0, 0.1)
      activation = choice(["relu", "gelu", "tanh"], [0.5, 0.3, 0.2])
    }
  }
  objective { maximize = "val_acc" }
}
