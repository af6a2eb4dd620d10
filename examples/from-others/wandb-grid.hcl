config "train" {
  hp {
    batch_size = 32
    epochs     = 10
    optimizer {
      name = "adam"
      lr   = 0.001
    }
  }
  run {
    cmd = "python3 train.py ${flags(hp)}"
  }
}

sweep "grid" {
  config = config.train

  grid {
    batch_size = [32, 64]
    optimizer {
      name = ["adam", "sgd"]
      lr   = [0.001, 0.01, 0.1]
    }
  }
  objective { minimize = "val_loss" }
}
