# The quickstart's network, trained every night in a cluster.

variable "image" {
  type        = string
  description = "The image of the experiments, as examples/kubernetes makes it."
  default     = "registry.example.com/ml/digits:v1"
}

config "digits" {
  hp {
    lr     = 0.1
    hidden = 16
    epochs = 12
    seed   = 1
  }
  run {
    cmd        = "python3 train.py ${flags(hp)}"
    inputs     = ["../quickstart/train.py"] # goes along into the ConfigMap
    max_cpu    = "1"
    max_memory = "256Mi"
    timeout    = "10m"
    retries    = 1
  }
  resources {
    build {
      image_url = var.image
    }
    host { # for --runner local
      working_dir = "../quickstart"
    }
    k8 {
      namespace = "ml"
    }
  }
}

sweep "nightly" {
  config       = config.digits
  max_parallel = 20

  grid {
    lr     = [0.1, 0.3, 1]
    hidden = [8, 24]
  }
  repeat { seed = [1, 2] } # how much two nights differ by chance

  objective { minimize = "val_loss" }
}
