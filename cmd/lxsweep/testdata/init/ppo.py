"""Options in the style of a reinforcement learner's in one file: truth values as texts, a name out of the file's own."""

import argparse
import os


def truth(text):
    return {"true": True, "1": True, "false": False, "0": False}[text.lower()]


def parse_args():
    parser = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add = parser.add_argument
    add("--exp-name", type=str, default=os.path.basename(__file__).removesuffix(".py"), help="the name of this experiment")
    add("--seed", type=int, default=1, help="seed of the experiment")
    add("--torch-deterministic", type=lambda x: truth(x), default=True, nargs="?", const=True, help="toggles determinism")
    add("--cuda", type=truth, default=True, nargs="?", const=True, help="if toggled, cuda will be enabled")
    add("--track", type=truth, default=False, nargs="?", const=True, help="track on a server")
    add("--env-id", type=str, default="CartPole-v1", help="the id of the environment")
    add("--total-timesteps", type=int, default=500000, help="total timesteps of the experiments")
    add("--learning-rate", type=float, default=2.5e-4, help="the learning rate of the optimizer")
    add("--num-envs", type=int, default=4, help="the number of parallel game environments")
    add("--num-steps", type=int, default=128, help="the number of steps to run in each environment per policy rollout")
    add("--anneal-lr", action=argparse.BooleanOptionalAction, default=True, help="toggle learning rate annealing")
    add("--norm-adv", action=argparse.BooleanOptionalAction, default=True, help="toggle advantages normalization")
    add("--capture-video", action=argparse.BooleanOptionalAction, default=False, help="capture videos")
    add("--gamma", type=float, default=0.99, help="the discount factor gamma")
    add("--hidden-dim", type=int, default=64, help="units in a layer")
    add("--activation", choices=["tanh", "relu"], default="tanh")
    add("--target-kl", type=float, default=None, help="the target KL divergence threshold")
    return parser.parse_args()


if __name__ == "__main__":
    args = parse_args()
    for name, value in sorted(vars(args).items()):
        print(f"{name}: {value!r}")
    print(f"episodic_return={args.gamma * 100:.1f}")
