#!/usr/bin/env python3
"""Learns to tell two spirals apart: logistic regression on random Fourier features. Standard library only.

    python3 train.py --features 32 --lr 0.3 --seed 1

The features are cosines of random directions (Rahimi and Recht, 2007), the weights are found by stochastic gradient
descent. It knows neither Slurm nor lxsweep.
"""

import argparse
import math
import random
import sys
from operator import mul

POINTS, VALIDATION = 300, 150  # points in all, and those kept for choosing
DATA_SEED = 20260101  # the same points whatever --seed is


def spirals():
    """Returns the training and the validation points, each a list of ((x, y), 0 or 1)."""
    rng = random.Random(DATA_SEED)
    points = []
    for i in range(POINTS):
        arm, t = i % 2, rng.random()
        angle = 5 * t + math.pi * arm
        noise = rng.gauss(0, 0.04), rng.gauss(0, 0.04)
        points.append(((t * math.cos(angle) + noise[0], t * math.sin(angle) + noise[1]), arm))
    rng.shuffle(points)
    return points[VALIDATION:], points[:VALIDATION]


class Features:
    """Maps a point to cosines of random projections: the wider, the finer the boundaries it can draw."""

    def __init__(self, count, rng):
        self.scale = math.sqrt(2 / count)
        self.waves = [(rng.gauss(0, 4), rng.gauss(0, 4), rng.uniform(0, 2 * math.pi)) for _ in range(count)]

    def __call__(self, point):
        x, y = point
        return [self.scale * math.cos(a * x + b * y + shift) for a, b, shift in self.waves] + [1.0]


def probability(weights, features):
    score = sum(map(mul, weights, features))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))


def evaluate(weights, examples):
    """Returns the mean cross-entropy and the share of points told apart."""
    loss, right = 0.0, 0
    for features, arm in examples:
        p = probability(weights, features)
        loss -= math.log(p if arm else 1 - p)
        right += (p > 0.5) == bool(arm)
    return loss / len(examples), right / len(examples)


def main():
    parser = argparse.ArgumentParser(description="Tell two spirals apart.")
    add = parser.add_argument
    add("--features", type=int, default=32, help="random Fourier features")
    add("--lr", type=float, default=0.3, help="learning rate")
    add("--seed", type=int, default=1, help="of the features and the order of points")
    add("--epochs", type=int, default=20, help="passes over the training points")
    args = parser.parse_args()
    print("train.py", *sys.argv[1:], flush=True)

    rng = random.Random(args.seed)
    features = Features(args.features, rng)
    train, validation = ([(features(point), arm) for point, arm in points] for points in spirals())
    weights = [0.0] * (args.features + 1)
    for epoch in range(1, args.epochs + 1):
        rng.shuffle(train)
        for x, arm in train:
            step = args.lr * (arm - probability(weights, x))
            weights = [w + step * f for w, f in zip(weights, x)]
        val_loss, val_acc = evaluate(weights, validation)
        print(f"epoch={epoch} val_loss={val_loss:.4f} val_acc={val_acc:.4f}", flush=True)


if __name__ == "__main__":
    main()
