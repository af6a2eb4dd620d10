config "mnist" {
  hp {
    lr        = 0.01
    layers    = 2
    optimizer = "sgd"
  }
  run {
    cmd        = concat(["python3", "train.py"], args(hp, { style = "equals" }))
    max_cpu    = "2"
    max_memory = "4Gi"
    timeout    = "1h"
    retries    = 0
  }
}

sweep "mnist" {
  config          = config.mnist
  max_parallel    = 3
  max_experiments = 30
  max_failures    = 4 # Katib gives up when more than 3 have failed

  grid {
    lr        = linspace(0.01, 0.05, 5)
    layers    = [2, 3, 4]
    optimizer = ["sgd", "adam"]
  }
  objective { maximize = "val_acc" }
}
