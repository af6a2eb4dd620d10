#!/usr/bin/env python3
"""Trains a small convolutional network to read handwritten digits, and goes on where it was killed.

After every epoch the whole state of the training is in checkpoint.pt of the output folder. A program that is started
again with the same folder takes it up from there and ends with the same numbers, as if nothing had happened:

    LXSWEEP_OUTPUT_DIR=/tmp/cnn python3 train.py --lr 0.05
"""

import argparse
import csv
import os
import random

import torch
from torch import nn
from torch.nn import functional

CLASSES, SIDE = 10, 8
TRAIN, VALIDATION = 900, 450  # images; the other 447 are the test set
SPLIT_SEED = 20260101  # the same split whatever --seed is


def load(path):
    """Returns the train, validation and test sets, each a pair of images (n x 1 x 8 x 8, in 0..1) and digits."""
    with open(path, newline="") as file:
        rows = csv.reader(file)
        next(rows)  # the header
        table = [[int(cell) for cell in row] for row in rows]
    random.Random(SPLIT_SEED).shuffle(table)
    table = torch.tensor(table)
    images, digits = table[:, :-1].float().div(16).view(-1, 1, SIDE, SIDE), table[:, -1]
    cuts = [TRAIN, VALIDATION, len(table) - TRAIN - VALIDATION]
    return list(zip(images.split(cuts), digits.split(cuts)))


def network(width):
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(2 * width * (SIDE // 2) ** 2, CLASSES),
    )


class Training:
    """All that an epoch changes: the weights, the optimizer's momentum, the schedule, and which epoch it was."""

    def __init__(self, args):
        torch.manual_seed(args.seed)  # of the first weights
        self.seed, self.batch_size = args.seed, args.batch_size
        self.epoch = 0
        self.model = network(args.width)
        self.optimizer = torch.optim.SGD(
            self.model.parameters(), lr=args.lr, momentum=args.momentum, weight_decay=args.wd, nesterov=args.momentum > 0
        )
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=args.epochs)

    def run_epoch(self, images, digits):
        """Goes through the training set once and returns the mean loss."""
        self.epoch += 1
        # The order depends on seed and epoch alone, so that a resumed epoch sees the one it would have seen.
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(1000 * self.seed + self.epoch))
        total = 0.0
        self.model.train()
        for batch in order.split(self.batch_size):
            loss = functional.cross_entropy(self.model(images[batch]), digits[batch])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(batch)
        self.schedule.step()
        return total / len(images)

    @torch.no_grad()
    def evaluate(self, images, digits):
        """Returns the mean loss and the share of digits read right."""
        self.model.eval()
        scores = self.model(images)
        right = (scores.argmax(dim=1) == digits).float().mean()
        return functional.cross_entropy(scores, digits).item(), right.item()

    def save(self, path):
        """Replaces the checkpoint in one step: whenever we are killed, a whole one is there."""
        parts = {name: getattr(self, name).state_dict() for name in ("model", "optimizer", "schedule")}
        torch.save({"epoch": self.epoch, **parts}, path + ".new")
        os.replace(path + ".new", path)

    def resume(self, path):
        state = torch.load(path)
        self.epoch = state["epoch"]
        for name in ("model", "optimizer", "schedule"):
            getattr(self, name).load_state_dict(state[name])


def arguments():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="Train a small CNN on handwritten digits.")
    add = parser.add_argument
    add("--lr", type=float, default=0.05, help="learning rate at the start; a cosine takes it to 0")
    add("--momentum", type=float, default=0.9)
    add("--wd", type=float, default=0.0, help="weight decay")
    add("--width", type=int, default=8, help="channels of the first convolution")
    add("--batch-size", "--batch_size", type=int, default=32, help="images a step")
    add("--epochs", type=int, default=8, help="passes over the training set")
    add("--seed", type=int, default=1, help="of the first weights and the order of images")
    add("--data", default=os.path.join(here, "..", "quickstart", "digits.csv"), help="CSV of pixels and digit")
    add("--out", default=os.environ.get("LXSWEEP_OUTPUT_DIR", "."), help="folder for checkpoint.pt and model.pt")
    return parser.parse_args()


def main():
    args = arguments()
    train, validation, test = load(args.data)
    training = Training(args)
    checkpoint = os.path.join(args.out, "checkpoint.pt")
    if os.path.exists(checkpoint):
        training.resume(checkpoint)
        print("resumed after epoch", training.epoch, flush=True)

    while training.epoch < args.epochs:
        train_loss = training.run_epoch(*train)
        val_loss, val_acc = training.evaluate(*validation)
        training.save(checkpoint)
        print(
            f"epoch={training.epoch} train_loss={train_loss:.4f} val_loss={val_loss:.4f} val_acc={val_acc:.4f}",
            flush=True,
        )

    # Said again, for whoever was killed between the last epoch and here.
    val_loss, val_acc = training.evaluate(*validation)
    _, test_acc = training.evaluate(*test)
    print(f"val_loss={val_loss:.6f} val_acc={val_acc:.6f} test_acc={test_acc:.6f}")
    torch.save(training.model.state_dict(), os.path.join(args.out, "model.pt"))


if __name__ == "__main__":
    main()
