"""Options in the style of a tool with subcommands: what is common before them, required ones, names with dots."""

import argparse
import os

parser = argparse.ArgumentParser(prog="segment", description="Segmentation of images")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--precision", choices=["32", "16"], default="32", help="bits")
parser.add_argument("-q", "--quiet", action="store_true")
commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

evaluate = commands.add_parser("eval", help="score a model")
evaluate.add_argument("checkpoint")

train = commands.add_parser("train", help="train a model")
train.add_argument("task", choices=["cells", "roads"])
train.add_argument("--data-root", required=True, help="images and masks")
train.add_argument("--backbone", required=True, choices=["unet", "fpn"])
train.add_argument("--log-file", default="logs/train.log")
train.add_argument("--optimizer.name", default="adam", choices=["adam", "sgd"])
train.add_argument("--optimizer.lr", type=float, default=0.001, help="learning rate")
train.add_argument("--optimizer.weight-decay", type=float, default=0.0)
train.add_argument("--widths", type=int, nargs="+", default=[32, 64, 128])
train.add_argument("--batch-size", type=int, default=8)
train.add_argument("--amp", action="store_true")
train.add_argument("--classes", nargs="*", default=[], help="all if none are named")

args = parser.parse_args()
values = vars(args)
values.pop("log_file", None)
values["data_root"] = os.path.abspath(values["data_root"])
for name, value in sorted(values.items()):
    print(f"{name}: {value!r}")
print(f"val_loss={0.5}")
