# One config, one experiment: every field of HP with its default.

config "mnist" {
  hp {
    batch_size      = 64
    test_batch_size = 1000
    epochs          = 1
    lr              = 0.01
    momentum        = 0.5
    enable_cuda     = "True" # the program wants the word
    seed            = 5
    log_interval    = 100
  }
  run {
    experiment_name = "pt0"
    # --batch-size 64 --enable-cuda True ...: nothing to keep in step with hp
    cmd     = "python mnist_tensorboard_artifact.py --data-dir ${run.data_dir} ${flags(hp, { case = "kebab" })}"
    max_cpu = "512m"
    env     = { MLFLOW_TRACKING_URI = "http://localhost:5000" }
  }
  resources {
    build {
      image_url   = "ptlex:latest"
      build_steps = ["docker build -t ptlex:latest ."]
    }
    host { data_dir = "data" }
  }
}

sweep "mnist" { config = config.mnist }
