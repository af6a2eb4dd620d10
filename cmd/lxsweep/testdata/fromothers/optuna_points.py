"""Says what an Optuna program searches, and judges points that lxsweep drew by it.

    optuna_points.py FOLDER recorded|real < POINTS > FOUND

FOLDER has optuna_search.py, POINTS is a JSON list of hyperparameters. Recorded stands in for Optuna where it is not
installed: a trial that gives each value of a point to the suggest call that asks for it. FOUND has the points of the
grid, and the distributions in lxsweep's words.
"""

import itertools
import json
import sys
import types
import warnings

folder, mode = sys.argv[1:]
sys.dont_write_bytecode = True
sys.path.insert(0, folder)
if mode == "recorded":
    sys.modules["optuna"] = types.ModuleType("optuna")

import optuna  # noqa: E402
import optuna_search as search  # noqa: E402


def bounds(low, high, step, log):
    inside = [low, high] if step is None else [low, high, step]
    return ("log" if log else "") + "uniform(" + ", ".join(f"{x:g}" for x in inside) + ")"


def choice(choices):
    return f"{len(choices)} values  " + " ".join(map(str, choices))


class Recorded:
    def __init__(self, point):
        self.point, self.words = point, {}

    def suggest_float(self, name, low, high, *, step=None, log=False):
        self.words[name] = bounds(low, high, step, log)
        value = self.point[name]
        steps = (value - low) / step if step else 0
        if not low <= value <= high or abs(steps - round(steps)) > 1e-9:
            sys.exit(f"{name} = {value} is not of {self.words[name]}")
        return value

    def suggest_int(self, name, low, high, *, step=1, log=False):
        return self.suggest_float(name, low, high, step=step, log=log)

    def suggest_categorical(self, name, choices):
        self.words[name] = choice(choices)
        if self.point[name] not in choices:
            sys.exit(f"{name} = {self.point[name]} is not of {choices}")
        return self.point[name]


def judged_by_optuna(point):
    """Asks Optuna for each value of the point, which warns of one that is out of range; returns the distributions."""
    trial = optuna.trial.FixedTrial(point)
    if search.suggest(trial) != point:
        sys.exit(f"Optuna makes {trial.params} of {point}")
    words = {}
    for name, d in trial.distributions.items():
        categorical = isinstance(d, optuna.distributions.CategoricalDistribution)
        words[name] = choice(d.choices) if categorical else bounds(d.low, d.high, d.step, d.log)
    return words


def judged_by_recorder(point):
    trial = Recorded(point)
    if search.suggest(trial) != point:
        sys.exit(f"the program makes {search.suggest(trial)} of {point}")
    return trial.words


def grid_of_optuna():
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.GridSampler(search.GRID))
    study.optimize(lambda trial: len(search.suggest(trial)))
    return [trial.params for trial in study.trials]


def grid_of_recorder():
    return [dict(zip(search.GRID, values)) for values in itertools.product(*search.GRID.values())]


warnings.simplefilter("error")
judge, grid = {"recorded": (judged_by_recorder, grid_of_recorder), "real": (judged_by_optuna, grid_of_optuna)}[mode]
points = json.load(sys.stdin)
json.dump({"grid": grid(), "distributions": [judge(point) for point in points][0]}, sys.stdout)
