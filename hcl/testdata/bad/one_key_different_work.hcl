config "base" {
  hp {
    lr    = 0.1
    depth = 4
  }
  run {
    cmd = "python train.py ${flags(hp)}"
  }
}

config "fast" {
  from = config.base
  run {
    experiment_name = "base"
    cmd             = "python fast.py ${flags(hp)}"
  }
}

sweep "slow" {
  config = config.base
  grid { lr = [0.1, 0.01] }
}

sweep "fast" {
  config = config.fast
  grid { lr = [0.1, 0.01] }
}
