# A small CNN in PyTorch, and what happens to it when a run is killed: nothing is lost.

variable "python" {
  type        = string
  description = "A Python that has torch."
  default     = "python3"
}

config "cnn" {
  hp {
    lr         = 0.05
    width      = 8
    momentum   = 0.9
    wd         = 0
    batch_size = 32
    epochs     = 8
    seed       = 1
  }
  run {
    cmd     = "${var.python} train.py ${flags(hp)} --data ${shellquote(run.data_dir)}/digits.csv"
    inputs  = ["train.py", "../quickstart/digits.csv"]
    env     = { OMP_NUM_THREADS = "1" } # else every run takes all cores, and they wait for each other
    max_cpu = "1"
    retries = 2    # with the same output folder, where the checkpoint is
    timeout = "5m" # for one that hangs: it is ended, and not tried again
  }
  resources {
    host {
      data_dir = "../quickstart"
    }
  }
}

sweep "grid" {
  config = config.cnn

  grid {
    lr    = [0.01, 0.05, 0.2]
    width = [4, 16]
  }
  repeat { seed = [1, 2] }

  objective { minimize = "val_loss" }
}
