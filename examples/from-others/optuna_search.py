import re
import subprocess

import optuna


def suggest(trial):
    return {
        "lr": trial.suggest_float("lr", 1e-5, 1e-1, log=True),
        "dropout": trial.suggest_float("dropout", 0.0, 0.5, step=0.1),
        "layers": trial.suggest_int("layers", 1, 6),
        "width": trial.suggest_int("width", 16, 256, log=True),
        "optimizer": trial.suggest_categorical("optimizer", ["adam", "sgd"]),
    }


def objective(trial):
    flags = [f"--{name}={value}" for name, value in suggest(trial).items()]
    out = subprocess.check_output(["python3", "train.py", *flags], text=True)
    return float(re.findall(r"val_loss=(\S+)", out)[-1])


GRID = {
    "lr": [1e-3, 1e-2],
    "dropout": [0.0, 0.2],
    "layers": [2, 4],
    "width": [64],
    "optimizer": ["adam", "sgd"],
}

if __name__ == "__main__":
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.GridSampler(GRID))
    study.optimize(objective)
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.RandomSampler(seed=7))
    study.optimize(objective, n_trials=40)
