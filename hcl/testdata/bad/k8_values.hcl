config "base" {
  hp {
    lr = 0.1
  }
  run {
    cmd = "python train.py ${flags(hp)}"
  }
  resources {
    build {
      image_pull_policy = "ifnotpresent"
    }
    k8 {
      namespace             = "ML"
      container_working_dir = "project"
      container_output_dir  = "/out/../x"
      gpu_resource          = "gpu"
      service_account       = "Trainer"
      priority_class        = "high priority"
      queue                 = "team.a"
      image_pull_secrets    = ["ghcr", "Docker_Hub"]
      node_selector         = { "gpu class" = "A100" }
      labels                = { team = "vision & language" }
      annotations           = { "a/b/c" = "any text" }
      tolerations           = [{ key = "gpu", operater = "Exists" }]
      affinity              = { node_affinity = {} }
      pending_timeout       = 30
      keep_jobs             = "1 week"
      restricted            = "yes"
      mount_host_dirs       = 1
    }
  }
}

sweep "nightly" {
  config = config.base
  grid {
    lr = [0.1, 0.01]
  }
}
