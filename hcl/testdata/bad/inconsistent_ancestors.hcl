config "base" {
  hp {
    lr         = 3e-4
    batch_size = 64
    depth      = 4
    width      = 32
    epochs     = 10
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

config "small" {
  hp { width = 64 }
}
config "fast" {
  hp { epochs = 1 }
}
config "small_fast" { from = [config.base, config.small, config.fast] }
config "fast_small" { from = [config.base, config.fast, config.small] }
config "both" { from = [config.small_fast, config.fast_small] }

sweep "nightly" { config = config.both }
