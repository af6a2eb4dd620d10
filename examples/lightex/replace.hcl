# Two named configs, the second made from the first by replacing hyperparameters.

config "C1" {
  hp {
    lr         = 0.01
    hidden_dim = 512
  }
  run {
    experiment_name = "find-hp" # runs are find-hp-0, find-hp-1, ...
    cmd             = "python train.py --data-dir ${run.data_dir} ${flags(hp)}"
  }
  resources {
    host { data_dir = "data" } # from this file's folder
  }
}

config "C2" { # replace(C1, hp=...): run and resources are C1's
  from = config.C1
  hp {
    lr         = 0.001
    hidden_dim = 1024
  }
}

# One experiment each. `--config C2` plans and applies C2 alone.
sweep "find" { config = [config.C1, config.C2] }
