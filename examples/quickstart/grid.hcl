# Which hyperparameters make a small network read handwritten digits best?
#
#   lxsweep plan grid.hcl      what would run
#   lxsweep apply grid.hcl     run it, as many at once as there are cores
#   lxsweep results            which experiment won

config "digits" {
  hp { # every hyperparameter, with the value it has where a sweep does not vary it
    lr         = 0.1
    hidden     = 16
    l2         = 0
    batch_size = 32
    epochs     = 12
    seed       = 1
    optimizer {
      momentum = 0 # the program gets --optimizer.momentum
    }
  }
  run {
    cmd     = "python3 train.py ${flags(hp)} --out ${shellquote(run.output_dir)}/model.json"
    inputs  = ["train.py", "digits.csv"] # when these change, results are stale
    max_cpu = "1"
    timeout = "2m"
  }
}

sweep "grid" {
  config = config.digits

  grid { # 3 x 2 x 2 points
    lr = [0.1, 0.3, 1]
    optimizer { momentum = [0, 0.9] }
    hidden = [8, 24]
  }
  skip {
    when   = hp.lr / (1 - hp.optimizer.momentum) > 5
    reason = "the steps are too long to learn anything"
  }
  repeat { seed = [1, 2] } # is it the hyperparameters, or luck?

  objective { minimize = "val_loss" }
}

sweep "random" {
  config = config.digits

  sample "random" {
    count = 12
    seed  = 7
    hp {
      lr         = loguniform(0.01, 1)
      l2         = loguniform(1e-5, 1e-2)
      hidden     = [8, 16, 24, 32]
      batch_size = [16, 32, 64]
      optimizer { momentum = uniform(0, 0.95) }
    }
  }
  objective { minimize = "val_loss" }
}
