# A first sweep over python3 vit.py, drafted from what it says of its options.
#
#   lxsweep try grid.hcl    # does one experiment work?
#   lxsweep plan grid.hcl   # what would run
#   lxsweep apply grid.hcl  # run it, as many at once as there are cores
#   lxsweep results         # which experiment won

config "vit" {
  # Every hyperparameter, with the program's own default.
  hp {
    dataset          = "cifar10"              # dataset type + name
    class-map        = ""                     # path to class to idx mapping file
    model            = "vit_tiny"             # Name of model to train
    depth            = 12                     # one of 6, 12, 24
    img-size         = null                   # int, not passed: Image size
    mean             = [0.485, 0.456, 0.406]  # Override mean pixel value of dataset
    input-size       = [3, 224, 224]          # Input all image dimensions (d h w)
    batch-size       = 128                    # Input batch size for training
    opt              = "sgd"                  # one of sgd, adamw, lamb
    opt-eps          = null                   # float, not passed: Optimizer Epsilon
    opt-betas        = null                   # float, not passed: Optimizer Betas
    weight-decay     = 2e-05                  # weight decay
    layer-decay      = null                   # float, not passed: layer-wise learning rate decay
    lr               = null                   # float, not passed: learning rate, overrides lr-base if set
    lr-base          = 0.1                    # base learning rate: lr = lr_base * global_batch_size / base_size
    decay-milestones = [90, 180, 270]         # list of decay epoch indices
    no-aug           = false                  # Disable all training augmentation
    aa               = "rand-m9-mstd0.5-inc1" # AutoAugment policy
    shift            = -0.5                   # of the hue
    drop-path        = 0.1                    # Drop path rate, 10% and more for large models
    no_flip          = false                  # no horizontal flip
    seed             = 42                     # random seed
    log-wandb        = false                  # log training and validation metrics to wandb

    # Left to the program:
    # --data-dir: data: add --data-dir ${shellquote(run.data_dir)} to cmd, and data_dir below
    # --model-kwargs: it is given several times: flags(hp, { list = "repeat" }) writes a list so
  }
  run {
    cmd    = "python3 vit.py ${flags(hp)} --output ${shellquote(run.output_dir)}"
    inputs = ["vit.py"] # when these change, results are stale
    # max_cpu    = "1" # what an experiment needs: as many run at once as fit
    # max_memory = "4Gi"
    # timeout    = "4h"
  }
}

sweep "first" {
  config = config.vit

  grid { # every combination, the last varying fastest
    batch-size   = [64, 128, 256]
    weight-decay = [0, 2e-05, 0.0002]
    # drop-path = [0, 0.1, 0.2]
    # depth = [6, 12, 24]
    # opt = ["sgd", "adamw", "lamb"]
  }
  # repeat { seed = [42, 43, 44] } # every point once with each: is it the hyperparameters, or luck?
  objective { minimize = "loss" } # the program's text prints it as loss=...
}
