# What a cluster can be asked for, beside cpu and memory: take what you need.
#
#   lxsweep plan gpus.hcl   the server checks all of it

config "gpus" {
  hp {
    lr   = 0.001
    size = 1
  }
  run {
    cmd        = "python train.py ${flags(hp)} --data ${run.data_dir} --out ${run.output_dir}"
    max_cpu    = "8"
    max_memory = "${16 * hp.size}Gi" # evaluated in every experiment, as all of run and resources is
    gpus       = 1
    timeout    = "6h"
  }
  resources {
    build {
      image_url = "registry.example.com/ml/train:v12"
    }
    k8 {
      namespace       = "ml"
      secret_env      = { WANDB_API_KEY = "wandb/api-key" } # key api-key of the Secret wandb; no value passes through lxsweep
      node_selector   = { "gpu.example.com/class" = hp.size > 2 ? "big" : "small" }
      tolerations     = [{ key = "nvidia.com/gpu", operator = "Exists", effect = "NoSchedule" }]
      queue           = "team-a" # of Kueue; leave it out where there is none
      pending_timeout = "12h"    # fail what has not started by then
      restricted      = true     # for namespaces under the strictest pod security standard

      volume "data" {
        nfs        = "nas.example.com:/imagenette"
        mount_path = "/data" # run.data_dir
        read_only  = true
      }
      volume "outputs" {
        persistent_volume_claim = "outputs"
        mount_path              = "/output" # run.output_dir is a folder in it
      }
      volume "shm" { # PyTorch's data loaders want more than a container has
        empty_dir  = "memory"
        size_limit = "8Gi"
        mount_path = "/dev/shm"
      }

      # What has no attribute: merged into the pod as kubectl patch does.
      pod_template = <<-YAML
        spec:
          securityContext:
            runAsUser: 1000
            fsGroup: 1000
          terminationGracePeriodSeconds: 120
      YAML
    }
  }
}

sweep "gpus" {
  config = config.gpus
  runner = "kubernetes"

  grid {
    lr   = [1e-4, 1e-3]
    size = [1, 4]
  }
  objective { minimize = "val_loss" }
}
