"""Searches for a better way to fit within a budget of time, with Optuna; only payments to learn from are looked at."""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import optuna
import polars as pl
from sklearn.metrics import average_precision_score

from fraudstream.domain.errors import SetupError
from fraudstream.offline.training.folds import judged_folds, time_folds
from fraudstream.offline.training.options import PARAMS, TrainingOptions

FOLDS = 3

SEARCHED = ("max_depth", "eta", "gamma", "min_child_weight", "subsample", "colsample_bytree", "reg_lambda")
AS_THE_SAMPLE = {
    **{name: PARAMS[name] for name in SEARCHED if name in PARAMS},
    "colsample_bytree": 1.0,
    "reg_lambda": 1.0,
}
"""What is tried first, so that what is found is no worse on the folds than not searching."""


@dataclass(frozen=True, slots=True)
class Searched:
    """The best way that was found."""

    options: TrainingOptions
    described: dict[str, Any]
    """For the manifest."""


def searched(
    payments: pl.DataFrame,
    names: tuple[str, ...],
    options: TrainingOptions,
    seconds: float,
) -> Searched:
    """Try ways to fit until the time is used up, and return the one with the highest mean average precision on later folds.

    A trial that has begun is finished. The way of `options` is tried first, and so at least once.
    Raises SetupError if a fold has no fraud, or nothing else.
    """
    ordered = payments.sort("event_time", maintain_order=True)
    _check(ordered)
    started = time.monotonic()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=options.seed, multivariate=False)
    )
    study.enqueue_trial({**AS_THE_SAMPLE, "rounds": options.rounds})

    def figure(trial: optuna.Trial) -> float:
        judged = judged_folds(ordered, names, replace(_drawn(trial, options), calibration="none"), FOLDS)
        return float(np.mean([average_precision_score(fraud, scores) for fraud, scores in judged]))

    study.optimize(figure, n_trials=1)
    study.optimize(figure, timeout=max(seconds - (time.monotonic() - started), 0.0))

    best = study.best_trial
    first = study.trials[0].value
    described = {
        "seconds": round(time.monotonic() - started, 1),
        "trials": len(study.trials),
        "folds": FOLDS,
        "average_precision": study.best_value,
        "average_precision_unsearched": first,
    }
    return Searched(_drawn(best, options), described)


def _drawn(trial: optuna.Trial | optuna.trial.FrozenTrial, options: TrainingOptions) -> TrainingOptions:
    """Return the options with a trial's values in place of the sample's."""
    params = {
        "max_depth": trial.suggest_int("max_depth", 2, 9),
        "eta": trial.suggest_float("eta", 0.02, 0.4, log=True),
        "gamma": trial.suggest_float("gamma", 0.0, 10.0),
        "min_child_weight": trial.suggest_float("min_child_weight", 0.5, 50.0, log=True),
        "subsample": trial.suggest_float("subsample", 0.4, 1.0),
        "colsample_bytree": trial.suggest_float("colsample_bytree", 0.3, 1.0),
        "reg_lambda": trial.suggest_float("reg_lambda", 0.1, 30.0, log=True),
    }
    low, high = sorted((max(options.rounds // 3, 1), options.rounds * 3))
    rounds = trial.suggest_int("rounds", low, high)
    return replace(options, rounds=rounds, params={**options.params, **params})


def _check(ordered: pl.DataFrame) -> None:
    for number, parts in enumerate(time_folds(ordered, FOLDS), 1):
        for part in parts:
            if not part["is_fraud"].any() or part["is_fraud"].all():
                raise SetupError(
                    f"part {number} of {FOLDS} of the time to learn from, or what is before it, has no fraud or nothing else, so that "
                    "nothing says which way to fit is better: use a longer history, or train without --search"
                )
