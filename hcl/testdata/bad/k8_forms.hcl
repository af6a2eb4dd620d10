variable "token" {
  type      = string
  sensitive = true
  default   = "s3cret"
}

config "base" {
  hp {
    lr = 0.1
  }
  run {
    cmd = "python train.py ${flags(hp)}"
  }
  resources {
    k8 {
      labels       = { "lxsweep.dev/key" = "mine" }
      annotations  = { token = var.token }
      tolerations  = { key = "gpu" }
      affinity     = "zone a"
      pod_template = <<-EOT
        containers:
          - name: main
      EOT
    }
  }
}

config "derived" {
  from = config.base
  resources {
    k8 {
      labels       = { "app.kubernetes.io/managed-by" = "argo" }
      annotations  = { "lxsweep.dev/hp" = "{}" }
      tolerations  = ["gpu"]
      affinity     = null
      pod_template = "spec: [unclosed"
    }
  }
}

sweep "nightly" {
  config = [config.base, config.derived]
  grid {
    lr = [0.1, 0.01]
  }
}
