# options: --set run.max_memroy=8Gi --set hp.dpeth=2 --set run=1 --set retries=3 --set hp.lr
config "base" {
  hp {
    lr    = 0.1
    depth = 4
  }
  run {
    cmd = "python train.py ${flags(hp)}"
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr = [0.1, 0.01]
  }
}
