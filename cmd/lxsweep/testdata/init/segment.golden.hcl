# A first sweep over python3 segment.py, drafted from what it says of its options.
#
#   lxsweep try grid.hcl    # does one experiment work?
#   lxsweep plan grid.hcl   # what would run
#   lxsweep apply grid.hcl  # run it, as many at once as there are cores
#   lxsweep results         # which experiment won

config "segment" {
  # Every hyperparameter, with the program's own default.
  hp {
    main {
      seed      = 0
      precision = "32" # one of 32, 16
      quiet     = false
    }
    train {
      backbone   = "fpn" # one of unet, fpn
      widths     = [32, 64, 128]
      batch_size = 8
      amp        = false
      optimizer {
        name         = "adam" # one of adam, sgd
        lr           = 0.001  # learning rate
        weight_decay = 0
      }
    }

    # Left to the program's train:
    # --classes: no values at all cannot be written
  }
  run {
    cmd    = "python3 segment.py ${flags(hp.main)} train roads ${flags(hp.train, { case = "kebab" })} --data-root ${shellquote(run.data_dir)} --log-file ${shellquote(run.output_dir)}/train.log"
    inputs = ["segment.py"] # when these change, results are stale
    # max_cpu    = "1" # what an experiment needs: as many run at once as fit
    # max_memory = "4Gi"
    # timeout    = "4h"
  }
  resources {
    host {
      data_dir = "tiles"
    }
  }
}

sweep "first" {
  config = config.segment

  grid { # every combination, the last varying fastest
    train {
      batch_size = [4, 8, 16]
      optimizer {
        lr = [0.0003, 0.001, 0.003]
        # weight_decay = [0, 0.0001, 0.01]
      }
    }
  }
  # repeat { main { seed = [0, 1, 2] } } # every point once with each: is it the hyperparameters, or luck?
  # The subcommands are eval, train.
  objective { minimize = "val_loss" } # the program's text prints it as val_loss=...
}
