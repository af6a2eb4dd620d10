config "base" {
  hp {
    lr         = 3e-4
    batch_size = 64
    depth      = 4
    amp        = false
    widths     = [64, 64]
    note       = any(null)
    optimizer {
      name = "adamw"
      wd   = 0.01
    }
  }
  run {
    cmd = "python train.py ${flags(hp)}"
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr = [0.1]
  }
  on_finish = "notify"
}
