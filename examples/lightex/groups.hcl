# An experiment group: a list where HP has one value makes an experiment of each.

config "elasticnet" {
  hp {
    alpha    = 0.05
    l1_ratio = 0.01
  }
  run {
    experiment_name = "m2test"
    cmd             = "python train.py --data-dir ${run.data_dir} --output-dir ${run.output_dir} ${flags(hp)}"
    env             = { MLFLOW_TRACKING_URI = "http://localhost:5000", LOGLEVEL = "info" }
  }
  resources {
    build { image_url = "sklearn" }
  }
}

config "cluster" { # rreplace: one name in a map, the others stay
  from = config.elasticnet
  run {
    experiment_name = "m2cluster"
    env             = { MLFLOW_TRACKING_URI = "http://mlflow:30005" }
  }
}

sweep "group" {
  config = [config.elasticnet, config.cluster]
  grid { l1_ratio = [0.01, 0.015, 0.0015] }
}
