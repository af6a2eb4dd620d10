config "base" {
  hp {
    lr      = 0.1
    dropout = 0
  }
  run { cmd = "python train.py ${flags(hp)}" }
  identity {
    assume = { droput = 0 }
    ignore = [hp.workers]
  }
}

sweep "nightly" { config = config.base }
