#!/usr/bin/env python3
"""Trains a small neural network to read handwritten digits.

One hidden layer of tanh units, softmax, cross-entropy, mini-batch gradient descent with momentum and weight decay.
Standard library only. It knows nothing of lxsweep but the file named by LXSWEEP_RESULT, and runs as well without it:

    python3 train.py --lr 0.1 --hidden 16
"""

import argparse
import csv
import json
import math
import os
import random
import sys
from operator import mul

CLASSES = 10
TRAIN, VALIDATION = 900, 450  # images; the other 447 are the test set

# The same split whatever --seed is: experiments that differ in seed are judged on the same images.
SPLIT_SEED = 20260101


def dot(a, b):
    return sum(map(mul, a, b))


def load(path):
    """Returns the train, validation and test sets, each a list of (pixels in 0..1, digit)."""
    with open(path, newline="") as file:
        rows = csv.reader(file)
        next(rows)  # the header
        images = [([int(pixel) / 16 for pixel in row[:-1]], int(row[-1])) for row in rows]
    random.Random(SPLIT_SEED).shuffle(images)
    return images[:TRAIN], images[TRAIN : TRAIN + VALIDATION], images[TRAIN + VALIDATION :]


class Layer:
    """A dense layer. The last number of a row is the unit's bias: inputs end with a constant 1."""

    def __init__(self, inputs, units, rng):
        scale = 1 / math.sqrt(inputs)
        self.weights = [[rng.gauss(0, scale) for _ in range(inputs)] + [0.0] for _ in range(units)]
        self.velocity = [[0.0] * (inputs + 1) for _ in range(units)]

    def __call__(self, x):
        return [dot(row, x) for row in self.weights]

    def step(self, inputs, errors, lr, momentum, l2):
        """Descends the mean gradient of a batch, given each image's inputs and errors at the outputs."""
        rate, keep = lr / len(inputs), 1 - lr * l2
        columns = list(zip(*inputs))
        for unit, error in enumerate(zip(*errors)):
            velocity = [momentum * v - rate * dot(error, x) for v, x in zip(self.velocity[unit], columns)]
            self.velocity[unit] = velocity
            self.weights[unit] = [keep * w + v for w, v in zip(self.weights[unit], velocity)]


class Network:
    def __init__(self, inputs, hidden, rng):
        self.hidden = Layer(inputs, hidden, rng)
        self.output = Layer(hidden, CLASSES, rng)

    def forward(self, pixels):
        """Returns the input and the hidden units, each with the bias's 1, and the probability of each digit."""
        x = pixels + [1.0]
        h = [math.tanh(z) for z in self.hidden(x)] + [1.0]
        scores = self.output(h)
        top = max(scores)  # exp of what is left cannot overflow
        powers = [math.exp(score - top) for score in scores]
        total = sum(powers)
        return x, h, [power / total for power in powers]

    def train(self, batch, lr, momentum, l2):
        """Takes one step and returns the batch's summed loss before it."""
        xs, hs, hidden_errors, output_errors, loss = [], [], [], [], 0.0
        output_columns = list(zip(*self.output.weights))
        for pixels, digit in batch:
            x, h, p = self.forward(pixels)
            loss += cross_entropy(p, digit)
            p[digit] -= 1
            xs.append(x)
            hs.append(h)
            output_errors.append(p)
            hidden_errors.append([(1 - a * a) * dot(p, w) for a, w in zip(h[:-1], output_columns)])
        self.output.step(hs, output_errors, lr, momentum, l2)
        self.hidden.step(xs, hidden_errors, lr, momentum, l2)
        return loss

    def evaluate(self, images):
        """Returns the mean loss and the share of digits read right."""
        loss, right = 0.0, 0
        for pixels, digit in images:
            _, _, p = self.forward(pixels)
            loss += cross_entropy(p, digit)
            right += p.index(max(p)) == digit
        return loss / len(images), right / len(images)

    def save(self, path):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "w") as file:
            json.dump({"hidden": self.hidden.weights, "output": self.output.weights}, file)


def cross_entropy(probabilities, digit):
    return -math.log(max(probabilities[digit], 1e-300))


def arguments():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description="Train a small network on handwritten digits.")
    add = parser.add_argument
    add("--lr", type=float, default=0.1, help="learning rate")
    add("--hidden", type=int, default=16, help="hidden units")
    add("--l2", type=float, default=0.0, help="weight decay")
    add("--optimizer.momentum", "--momentum", dest="momentum", type=float, default=0.0)
    add("--epochs", type=int, default=12, help="passes over the training set")
    add("--batch-size", "--batch_size", type=int, default=32, help="images a step")
    add("--seed", type=int, default=1, help="of the first weights and the order of images")
    add("--data", default=os.path.join(here, "digits.csv"), help="CSV of pixels and digit")
    add("--out", help="file for the trained model")
    return parser.parse_args()


def main():
    args = arguments()
    train, validation, test = load(args.data)
    rng = random.Random(args.seed)
    network = Network(len(train[0][0]), args.hidden, rng)

    for epoch in range(1, args.epochs + 1):
        rng.shuffle(train)
        batches = (train[i : i + args.batch_size] for i in range(0, len(train), args.batch_size))
        train_loss = sum(network.train(b, args.lr, args.momentum, args.l2) for b in batches) / len(train)
        val_loss, val_accuracy = network.evaluate(validation)
        print(
            f"epoch={epoch} train_loss={train_loss:.4f} val_loss={val_loss:.4f} val_accuracy={val_accuracy:.4f}",
            flush=True,
        )
        if not math.isfinite(val_loss):
            sys.exit(f"diverged in epoch {epoch}: try a smaller --lr or --momentum")

    # Choosing among experiments by validation flatters the winner. What it reads right of the test set does not.
    _, test_accuracy = network.evaluate(test)
    result = {
        "train_loss": round(train_loss, 6),
        "val_loss": round(val_loss, 6),
        "val_accuracy": round(val_accuracy, 6),
        "test_accuracy": round(test_accuracy, 6),
    }
    if args.out:
        network.save(args.out)
    if os.environ.get("LXSWEEP_RESULT"):
        with open(os.environ["LXSWEEP_RESULT"], "w") as file:
            json.dump(result, file)


if __name__ == "__main__":
    main()
