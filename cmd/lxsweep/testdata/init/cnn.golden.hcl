# A first sweep over python3 cnn.py, drafted from what it says of its options.
#
#   lxsweep try grid.hcl    # does one experiment work?
#   lxsweep plan grid.hcl   # what would run
#   lxsweep apply grid.hcl  # run it, as many at once as there are cores
#   lxsweep results         # which experiment won

config "cnn" {
  # Every hyperparameter, with the program's own default.
  hp {
    arch         = "resnet18"                 # one of resnet18, resnet34, resnet50, vgg16
    workers      = 4                          # number of data loading workers
    epochs       = 90                         # number of total epochs to run
    start_epoch  = 0                          # manual epoch number (useful on restarts)
    batch_size   = 256                        # mini-batch size, the total of all GPUs on this node
    lr           = 0.1                        # initial learning rate
    momentum     = 0.9                        # momentum
    wd           = 0.0001                     # weight decay
    print_freq   = 10                         # print frequency
    resume       = ""                         # path to latest checkpoint
    evaluate     = false                      # evaluate model on validation set
    pretrained   = false                      # use pre-trained model
    dist_url     = "tcp://224.66.41.62:23456" # url used to set up distributed training
    dist_backend = "nccl"                     # distributed backend
    seed         = null                       # int, not passed: seed for initializing training.
    gpu          = null                       # int, not passed: GPU id to use.
    no_accel     = false                      # disables accelerator
    dummy        = false                      # use fake data to benchmark

    # Left to the program:
    # -v: it is counted
  }
  run {
    cmd    = "python3 cnn.py ${shellquote(run.data_dir)} ${flags(hp, { case = "kebab" })}"
    inputs = ["cnn.py"] # when these change, results are stale
    # max_cpu    = "1" # what an experiment needs: as many run at once as fit
    # max_memory = "4Gi"
    # timeout    = "4h"
  }
  resources {
    host {
      data_dir = "imagenet"
    }
  }
}

sweep "first" {
  config = config.cnn

  grid { # every combination, the last varying fastest
    lr         = [0.03, 0.1, 0.3]
    batch_size = [128, 256, 512]
    # wd = [0, 0.0001, 0.001]
    # momentum = [0, 0.9]
    # arch = ["resnet18", "resnet34", "resnet50", "vgg16"]
  }
  # repeat { seed = [1, 2, 3] } # every point once with each: is it the hyperparameters, or luck?
  objective { maximize = "val_acc" } # the program's text prints it as val_acc=...
}
