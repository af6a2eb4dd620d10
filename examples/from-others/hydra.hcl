config "train" {
  hp {
    lr         = 0.1
    model      = "small"
    batch_size = 32
    seed       = 1
  }
  run {
    cmd = <<-EOT
      python3 train.py lr=${hp.lr} model=${hp.model} batch_size=${hp.batch_size} seed=${hp.seed} \
        hydra.run.dir=${shellquote(run.output_dir)}
    EOT
  }
}

sweep "multirun" {
  config = config.train

  grid {
    lr         = [0.1, 0.01]
    model      = ["small", "large"]
    batch_size = [32, 64]
    seed       = range(1, 4)
  }
}
