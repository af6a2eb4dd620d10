config "base" {
  hp {
    lr = 0.1
  }
  run {
    cmd = "python train.py --lr ${lr} --out ${output_dir} --x ${nothing}"
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr = [0.1, 0.01]
  }
}
