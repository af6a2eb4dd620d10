#!/usr/bin/env python3
"""Trains a scikit-learn model on a data set that comes with scikit-learn.

    python3 train.py elasticnet --alpha 0.01       progression of diabetes, a regression
    python3 train.py mlp --lr 0.01 --hidden 64 32  handwritten digits, a classification

It knows nothing of lxsweep: it takes flags, prints metrics as name=value and saves the model where it is told to.
"""

import argparse

import joblib
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import ElasticNet
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier

# The same test set whatever --seed is. Nothing is chosen by it: it says what to expect of the winner.
SPLIT_SEED = 20260101


def elasticnet(args):
    x, y = load_diabetes(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.25, random_state=SPLIT_SEED)
    model = ElasticNet(alpha=args.alpha, l1_ratio=args.l1_ratio, max_iter=10_000)
    folds = cross_val_score(model, x, y, cv=5, scoring="neg_root_mean_squared_error")
    model.fit(x, y)
    test_rmse = mean_squared_error(y_test, model.predict(x_test)) ** 0.5
    print(f"val_rmse={-folds.mean():.3f} test_rmse={test_rmse:.3f} features={(model.coef_ != 0).sum()}")
    return model


def mlp(args):
    x, y = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x / 16, y, test_size=0.25, random_state=SPLIT_SEED, stratify=y)
    x, x_val, y, y_val = train_test_split(x, y, test_size=0.25, random_state=SPLIT_SEED, stratify=y)
    model = MLPClassifier(args.hidden, learning_rate_init=args.lr, alpha=args.l2, random_state=args.seed)
    for epoch in range(1, args.epochs + 1):
        model.partial_fit(x, y, classes=range(10))
        val_loss = log_loss(y_val, model.predict_proba(x_val))
        print(f"epoch={epoch} val_loss={val_loss:.4f} val_accuracy={model.score(x_val, y_val):.4f}", flush=True)
    print(f"test_accuracy={model.score(x_test, y_test):.4f}")
    return model


def arguments():
    parser = argparse.ArgumentParser(description="Train a scikit-learn model.")
    models = parser.add_subparsers(dest="model", required=True)

    add = models.add_parser("elasticnet", help="a linear regression with both penalties").add_argument
    add("--alpha", type=float, default=1.0, help="weight of the penalties")
    add("--l1_ratio", type=float, default=0.5, help="share of the penalty that makes coefficients zero")
    add("--out", help="file for the trained model")

    add = models.add_parser("mlp", help="a neural network").add_argument
    add("--lr", type=float, default=0.001, help="learning rate")
    add("--l2", type=float, default=0.0001, help="weight decay")
    add("--hidden", type=int, nargs="+", default=[100], help="units of each hidden layer")
    add("--epochs", type=int, default=20, help="passes over the training set")
    add("--seed", type=int, default=1, help="of the first weights and the order of images")
    add("--out", help="file for the trained model")
    return parser.parse_args()


def main():
    args = arguments()
    model = {"elasticnet": elasticnet, "mlp": mlp}[args.model](args)
    if args.out:
        joblib.dump(model, args.out)


if __name__ == "__main__":
    main()
