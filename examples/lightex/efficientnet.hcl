# A config with a GPU, data and an image, and a group over model architectures.

config "efficientnet" {
  hp {
    model_name = "efficientnet-b0"
    batch_size = 32
    epochs     = 1
  }
  run {
    experiment_name = "efnet0"
    cmd             = "python main.py ${run.data_dir} --output-dir ${run.output_dir} -a ${hp.model_name} --pretrained -b ${hp.batch_size} -j 0 --epochs ${hp.epochs} --gpu 0"
    gpus            = 1 # a free one: it is number 0 to the program
    timeout         = "6h"
  }
  resources {
    build {
      image_url   = "efnet:latest"
      build_steps = ["docker build -t efnet:latest ."]
    }
    host { data_dir = "/data/imagenette-160" }
  }
}

sweep "one" { config = config.efficientnet }

sweep "models" {
  config = config.efficientnet
  grid {
    model_name = ["efficientnet-b0", "efficientnet-b1"]
    batch_size = [16]
  }
}
