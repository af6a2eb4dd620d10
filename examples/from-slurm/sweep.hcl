config "spirals" {
  hp {
    lr       = 0.3
    features = 32
    seed     = 1
  }
  run {
    cmd        = "python3 train.py ${flags(hp)}"
    max_cpu    = "1"
    max_memory = "200Mi"
    timeout    = "5m"
    # gpus     = 1
    env = { OMP_NUM_THREADS = "1" }
  }
}

sweep "array" {
  config       = config.spirals
  max_parallel = 4

  grid {
    lr       = [0.3, 1, 3]
    features = [8, 16, 32, 64]
  }
  repeat { seed = [1, 2] }

  objective { minimize = "val_loss" }
}
