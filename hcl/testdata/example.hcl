variable "tag" {
  type        = string
  description = "Image tag to train with."
  default     = "v12"
}

locals {
  image = "ghcr.io/acme/train:${var.tag}"
}

config "base" {
  hp { # declares every hyperparameter, its type and its default
    lr         = 3e-4
    batch_size = 64
    warmup     = 10 * hp.batch_size # evaluated again in every experiment
    depth      = 4
    width      = 512
    seed       = 1
    optimizer {
      name = "adamw"
      wd   = 0.01
    }
  }
  run {
    experiment_name = "ex" # runs are ex-0, ex-1, ...
    cmd             = "python train.py ${flags(hp)} --data ${run.data_dir} --out ${run.output_dir}"
    inputs          = ["train.py", "model/**"] # when these change, results are stale
    max_cpu         = "4"
    max_memory      = "${max(8, hp.width / 64)}Gi"
    gpus            = 1
    timeout         = "4h"
    retries         = 2
    env             = { OMP_NUM_THREADS = "4" }
  }
  resources {
    build {
      image_url         = local.image
      build_steps       = ["docker build -t ${local.image} .", "docker push ${local.image}"]
      image_pull_policy = "IfNotPresent"
    }
    host { # where things are when the runner is local
      working_dir = "."
      data_dir    = "/data/imagenette-160"
    }
    k8 { # where things are in the container, and what the pod needs
      container_data_dir = "/data"
      secret_env         = { WANDB_API_KEY = "wandb/api-key" } # Secret "wandb", key "api-key"
      node_selector      = { "gpu.nvidia.com/class" = "A100" }
      volume "data" {
        persistent_volume_claim = "imagenette"
        mount_path              = "/data"
        read_only               = true
      }
    }
  }
}

config "wide" {
  from = config.base # what is not written here is base's, unevaluated
  hp {
    width = 1024
    optimizer { name = "lion" } # wd stays 0.01
  }
}

sweep "nightly" {
  config          = config.wide
  max_parallel    = 16
  max_experiments = 500 # refuse to plan more than this

  grid {
    lr = logspace(1e-4, 1e-2, 3)
    optimizer { wd = [0, config.base.hp.optimizer.wd] }
    zip { # advance together: one axis of the product
      depth = [2, 4, 8]
      width = [1024, 512, 256]
    }
  }
  skip {
    when   = hp.lr * hp.depth >= 0.05
    reason = "diverges in the first epoch"
  }
  skip {
    when   = hp.depth == 8 && hp.optimizer.wd == 0
    reason = "overfits"
  }
  include {
    lr    = 5e-5
    depth = 16
  }
  repeat { seed = [1, 2, 3] } # every point once with each
  objective { minimize = "val_loss" }
}

sweep "search" {
  config = config.wide
  sample "random" {
    count = 64
    seed  = 7
    hp {
      lr         = loguniform(1e-5, 1e-2)
      batch_size = [16, 32, 64] # a list is a choice
    }
  }
  objective { minimize = "val_loss" }
}
