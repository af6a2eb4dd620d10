# Two kinds of model, each with a sweep of its own.
#
#   lxsweep apply grid.hcl     train them, as many at once as there are cores
#   lxsweep results            which experiments won

config "base" { # what both kinds of model share
  run {
    # The experiment's name is its config's label: train.py elasticnet --alpha ...
    cmd     = "python3 train.py ${run.experiment_name} ${flags(hp)} --out ${shellquote(run.output_dir)}/model.joblib"
    inputs  = ["train.py"] # when it changes, results are stale
    max_cpu = "1"
    timeout = "2m"
    env = { # what runs beside others should not take every core
      OMP_NUM_THREADS      = "1"
      OPENBLAS_NUM_THREADS = "1"
    }
  }
}

config "elasticnet" {
  from = config.base
  hp { # scikit-learn's defaults
    alpha    = 1
    l1_ratio = 0.5
  }
}

config "mlp" {
  from = config.base
  hp {
    lr     = 0.001
    l2     = 0.0001
    hidden = [100] # units of each layer: the program gets --hidden 100
    epochs = 20
    seed   = 1
  }
}

sweep "diabetes" {
  config = config.elasticnet

  grid { # 4 x 3 points
    alpha    = logspace(1e-4, 0.1, 4)
    l1_ratio = [0.1, 0.5, 0.9]
  }
  skip {
    when   = hp.alpha == 0.1 && hp.l1_ratio < 0.9
    reason = "predicts little but the mean"
  }
  include { # the defaults, to compare with
    alpha    = 1
    l1_ratio = 0.5
  }
  objective { minimize = "val_rmse" }
}

sweep "digits" {
  config = config.mlp

  sample "random" {
    count = 6
    seed  = 1
    hp {
      lr     = loguniform(3e-4, 0.1)
      l2     = loguniform(1e-5, 1)
      hidden = [[32], [64], [64, 32]] # a list is a choice, here of lists
    }
  }
  include { lr = 0.001 }   # the defaults, to compare with
  repeat { seed = [1, 2] } # is it the hyperparameters, or luck?

  objective { minimize = "val_loss" }
}
