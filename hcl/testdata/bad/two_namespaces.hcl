config "base" {
  hp {
    lr = 0.1
  }
  run {
    cmd = "python train.py ${flags(hp)}"
  }
  resources {
    k8 {
      namespace = "vision"
    }
  }
}

config "other" {
  from = config.base
  run {
    experiment_name = "other"
  }
  resources {
    k8 {
      namespace = "language"
    }
  }
}

config "nowhere" {
  from = config.base
  resources {
    k8 {
      namespace = null
    }
  }
}

sweep "nightly" {
  config = [config.base, config.other]
  grid {
    lr = [0.1, 0.01]
  }
}

sweep "weekly" {
  config = [config.base, config.nowhere]
  grid {
    lr = [0.1, 0.01]
  }
}
