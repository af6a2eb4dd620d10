locals {
  a = local.b + 1
  b = local.c
  c = local.a * 2
}

config "base" {
  hp {
    lr = 0.1
  }
  run {
    cmd = "echo ${local.a} ${flags(hp)}"
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr = [0.1, 0.01]
  }
}
