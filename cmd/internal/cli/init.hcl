# A first sweep. For a file about a program of yours, remove this one and type:
#   lxsweep init -- python train.py
#
# STEPS

config "ex" {
  hp { # every hyperparameter, with its default
    lr         = 0.1
    batch_size = 32
    seed       = 1
    # optimizer { name = "adamw" } # a group: the program gets --optimizer.name adamw
  }
  run {
    # flags(hp) writes --batch-size 32 --lr 0.1 --seed 1; without case, --batch_size.
    # A folder of the run's own is ${shellquote(run.output_dir)}.
    cmd = "python3 train.py ${flags(hp, { case = "kebab" })}"
    # inputs     = ["train.py"] # when these change, results are stale
    # max_cpu    = "1"          # what an experiment needs: as many run at once as fit
    # max_memory = "4Gi"
    # timeout    = "4h"
  }
}

sweep "first" {
  config = config.ex

  grid { # every combination, the last varying fastest
    lr         = [0.03, 0.1, 0.3]
    batch_size = [16, 32, 64]
  }
  # skip {
  #   when   = hp.lr > 0.1 && hp.batch_size < 32
  #   reason = "diverges"
  # }
  # repeat { seed = [1, 2, 3] } # every point once with each
  objective { minimize = "val_loss" } # found in lines such as val_loss=0.21
}
