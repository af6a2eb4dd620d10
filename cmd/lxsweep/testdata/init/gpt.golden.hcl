# A first sweep over python3 gpt.py, drafted from what it says of its options.
#
#   lxsweep try grid.hcl    # does one experiment work?
#   lxsweep plan grid.hcl   # what would run
#   lxsweep apply grid.hcl  # run it, as many at once as there are cores
#   lxsweep results         # which experiment won

config "gpt" {
  # Every hyperparameter, with the program's own default.
  hp {
    eval_interval          = 2000
    init_from              = "scratch" # one of scratch, resume, gpt2
    always_save_checkpoint = "True"    # "True" or "False": after each eval
    compile                = true      # use the compiler
    bias                   = false     # in layer norm and linear layers
    batch_size             = 12        # micro-batch size
    block_size             = 1024
    n_layer                = 12
    n_head                 = 12
    n_embd                 = 768
    dropout                = 0      # 0 for pre-training, 0.1+ for fine-tuning, 100% is too much
    learning_rate          = 0.0006 # max learning rate
    max_iters              = 600000
    weight_decay           = 0.1
    beta1                  = 0.9
    beta2                  = 0.95
    grad_clip              = 1 # 0.0 disables
    min_lr                 = 6e-05
    max_loss               = "inf"
    dtype                  = "bfloat16"                                # one of float32, bfloat16, float16
    prompt                 = "It's $${HOME}\n\"100%\" \\ %%{x} größer" # a sample's beginning
    seed                   = 1337

    # Left to the program:
    # --hub_token: secrets go by the environment: secret_env
    # --shuffle: type=bool takes any text but '' for True
    # --warmup: it has no type=: on the command line it would be a text
    # --max_grad: int does not read its own default back
  }
  run {
    cmd    = "python3 gpt.py ${flags(hp, { bool = "no-prefix" })} --out_dir ${shellquote(run.output_dir)} --data_dir ${shellquote(run.data_dir)}"
    inputs = ["gpt.py"] # when these change, results are stale
    # max_cpu    = "1" # what an experiment needs: as many run at once as fit
    # max_memory = "4Gi"
    # timeout    = "4h"
  }
  resources {
    host {
      data_dir = "data/shakespeare"
    }
  }
}

sweep "first" {
  config = config.gpt

  grid { # every combination, the last varying fastest
    learning_rate = [0.00018, 0.0006, 0.0018]
    batch_size    = [6, 12, 24]
    # weight_decay = [0, 0.1, 1]
    # dropout = [0, 0.1, 0.3]
    # n_layer = [6, 12, 24]
    # n_embd = [384, 768, 1536]
  }
  # repeat { seed = [1337, 1338, 1339] } # every point once with each: is it the hyperparameters, or luck?
  objective { minimize = "val_loss" } # the program's text prints it as val_loss=...
}
