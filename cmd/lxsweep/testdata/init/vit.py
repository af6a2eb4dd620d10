"""Options in the style of a library's trainer: a file of settings first, groups, lists, both dashes and underscores."""

import argparse
import json

ahead = argparse.ArgumentParser(description="Settings", add_help=False)
ahead.add_argument("-c", "--config", default="", type=str, metavar="FILE", help="file of defaults")

parser = argparse.ArgumentParser(description="Training of vision transformers")
group = parser.add_argument_group("Dataset parameters")
group.add_argument("--data-dir", metavar="DIR", help="path to dataset (root dir)")
group.add_argument("--dataset", metavar="NAME", default="cifar10", help="dataset type + name")
group.add_argument("--class-map", default="", type=str, metavar="FILENAME", help="path to class to idx mapping file")
group = parser.add_argument_group("Model parameters")
group.add_argument("--model", default="vit_tiny", type=str, metavar="MODEL", help='Name of model to train (default: "vit_tiny")')
group.add_argument("--depth", default=12, type=int, choices=[6, 12, 24], help="blocks")
group.add_argument("--img-size", type=int, default=None, metavar="N", help="Image size (default: None => model default)")
group.add_argument("--mean", type=float, nargs="+", default=[0.485, 0.456, 0.406], metavar="MEAN", help="Override mean pixel value of dataset")
group.add_argument("--input-size", default=[3, 224, 224], nargs=3, type=int, metavar="N", help="Input all image dimensions (d h w)")
group.add_argument("-b", "--batch-size", type=int, default=128, metavar="N", help="Input batch size for training (default: 128)")
group = parser.add_argument_group("Optimizer parameters")
group.add_argument("--opt", default="sgd", choices=["sgd", "adamw", "lamb"], help="Optimizer (default: sgd)")
group.add_argument("--opt-eps", default=None, type=float, metavar="EPSILON", help="Optimizer Epsilon")
group.add_argument("--opt-betas", default=None, type=float, nargs="+", metavar="BETA", help="Optimizer Betas")
group.add_argument("--weight-decay", type=float, default=2e-5, help="weight decay (default: 2e-5)")
group.add_argument("--layer-decay", type=float, default=None, help="layer-wise learning rate decay")
group.add_argument("--lr", type=float, default=None, metavar="LR", help="learning rate, overrides lr-base if set")
group.add_argument("--lr-base", type=float, default=0.1, metavar="LR", help="base learning rate: lr = lr_base * global_batch_size / base_size")
group.add_argument("--decay-milestones", default=[90, 180, 270], type=int, nargs="+", metavar="MILESTONES", help="list of decay epoch indices")
group = parser.add_argument_group("Augmentation parameters")
either = group.add_mutually_exclusive_group()
either.add_argument("--no-aug", action="store_true", default=False, help="Disable all training augmentation")
either.add_argument("--aa", type=str, default="rand-m9-mstd0.5-inc1", metavar="NAME", help="AutoAugment policy")
group.add_argument("--shift", type=float, default=-0.5, help="of the hue")
group.add_argument("--drop-path", type=float, default=0.1, metavar="PCT", help="Drop path rate, 10%% and more for large models")
group.add_argument("--no_flip", dest="flip", action="store_false", help="no horizontal flip")
group.add_argument("--model-kwargs", action="append", default=None, metavar="KEY=VALUE")
group = parser.add_argument_group("Misc")
group.add_argument("--seed", type=int, default=42, metavar="S", help="random seed (default: 42)")
group.add_argument("--output", default="", type=str, metavar="PATH", help="path to output folder (default: none, current dir)")
group.add_argument("--log-wandb", action="store_true", default=False, help="log training and validation metrics to wandb")

settings, rest = ahead.parse_known_args()
args = parser.parse_args(rest)
del args.output
for name, value in sorted(vars(args).items()):
    print(f"{name}: {json.dumps(value)}")
print("loss: %.3f" % 0.5)
