# The quickstart's network, trained in a cluster.
#
#   lxsweep plan grid.hcl                   what would run, and what the cluster says to it
#   lxsweep apply grid.hcl                  run it, at most 20 at once
#   lxsweep apply grid.hcl --runner local   the same runs on this machine, without a cluster

variable "image" {
  type        = string
  description = "Where the image is pushed to, with a tag."
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
    cmd        = "python3 train.py ${flags(hp)} --out ${shellquote(run.output_dir)}/model.json"
    max_cpu    = "1"     # what the pod requests, and its limit
    max_memory = "256Mi" # more is an OOM here, and not only a figure
    timeout    = "10m"   # from the start of the pod: waiting does not count
    retries    = 1
  }
  resources {
    build {
      image_url = var.image
      build_steps = [ # here, once, before the first experiment that needs it
        "docker build --tag ${var.image} --file Dockerfile ../quickstart",
        "docker push ${var.image}",
      ]
    }
    host { # for --runner local
      working_dir = "../quickstart"
    }
    k8 {
      namespace = "ml"
      volume "outputs" { # run.output_dir is /output/digits-0, ... here
        persistent_volume_claim = "outputs"
        mount_path              = "/output"
      }
    }
  }
}

sweep "grid" {
  config       = config.digits
  runner       = "kubernetes"
  max_parallel = 20

  grid {
    lr     = [0.1, 0.3, 1]
    hidden = [8, 24]
  }
  repeat { seed = [1, 2] }

  objective { minimize = "val_loss" }
}
