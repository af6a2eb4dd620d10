config "base" {
  hp {
    lr = 0.1
  }
  run {
    cmd = "python train.py --lr {{hp.lr}} --out {{ run.output_dir }}"
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr = [0.1, 0.01]
  }
}
