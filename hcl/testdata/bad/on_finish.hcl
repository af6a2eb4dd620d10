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
  on_finish {
    webhook = "https:/example.com"
    webhok  = "x"
  }
  on_finish {
    command = []
  }
}

sweep "empty" {
  config = config.base
  on_finish {}
}

sweep "late" {
  config  = config.base
  overlap = "queue"
  on_finish {
    command = "notify ${hp.lr}"
    webhook = ["https://example.com"]
  }
}
