# A first sweep over python3 ppo.py, drafted from what it says of its options.
#
#   lxsweep try grid.hcl    # does one experiment work?
#   lxsweep plan grid.hcl   # what would run
#   lxsweep apply grid.hcl  # run it, as many at once as there are cores
#   lxsweep results         # which experiment won

config "ppo" {
  # Every hyperparameter, with the program's own default.
  hp {
    exp_name            = "ppo"         # the name of this experiment
    seed                = 1             # seed of the experiment
    torch_deterministic = "True"        # "True" or "False": toggles determinism
    cuda                = "True"        # "True" or "False": if toggled, cuda will be enabled
    track               = "False"       # "True" or "False": track on a server
    env_id              = "CartPole-v1" # the id of the environment
    total_timesteps     = 500000        # total timesteps of the experiments
    learning_rate       = 0.00025       # the learning rate of the optimizer
    num_envs            = 4             # the number of parallel game environments
    num_steps           = 128           # the number of steps to run in each environment per policy rollout
    anneal_lr           = true          # toggle learning rate annealing
    norm_adv            = true          # toggle advantages normalization
    capture_video       = false         # capture videos
    gamma               = 0.99          # the discount factor gamma
    hidden_dim          = 64            # units in a layer
    activation          = "tanh"        # one of tanh, relu
    target_kl           = null          # float, not passed: the target KL divergence threshold
  }
  run {
    cmd    = "python3 ppo.py ${flags(hp, { bool = "no-prefix", case = "kebab" })}"
    inputs = ["ppo.py"] # when these change, results are stale
    # max_cpu    = "1" # what an experiment needs: as many run at once as fit
    # max_memory = "4Gi"
    # timeout    = "4h"
  }
}

sweep "first" {
  config = config.ppo

  grid { # every combination, the last varying fastest
    learning_rate = [7.5e-05, 0.00025, 0.00075]
    hidden_dim    = [32, 64, 128]
    # activation = ["tanh", "relu"]
  }
  # repeat { seed = [1, 2, 3] } # every point once with each: is it the hyperparameters, or luck?
  # objective { minimize = "val_loss" } # a metric, found in lines such as val_loss=0.21
}
