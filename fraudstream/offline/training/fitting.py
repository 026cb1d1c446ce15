"""Fits XGBoost to labelled payments: how many rounds, and what its scores mean, is found on later payments."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.adapters.models.library import xgboost
from fraudstream.domain.errors import SetupError
from fraudstream.domain.model import calibrated
from fraudstream.domain.table import Table
from fraudstream.offline.model_input import LabelledPayments, predicted
from fraudstream.offline.training.calibration import Calibrated, calibrate
from fraudstream.offline.training.options import HELD_OUT_SHARE, TrainingOptions

OnRound = Callable[[int], None]


def _silent(number: int) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A classifier, and how it came to be."""

    booster: xgboost.Booster
    rounds: int
    params: dict[str, Any]
    calibration: Calibrated | None = None

    @property
    def table(self) -> Table | None:
        """What turns its scores into shares of fraud."""
        return None if self.calibration is None else self.calibration.table

    def probabilities(self, payments: pl.DataFrame, names: tuple[str, ...]) -> npt.NDArray[np.float32]:
        """Return what a worker would say of payments of a dataset."""
        return predicted(
            payments, names, lambda rows: calibrated(self.booster.inplace_predict(rows), self.table)
        )


def fit(payments: pl.DataFrame, names: tuple[str, ...], on_round: OnRound = _silent) -> xgboost.Booster:
    """Train the sample's classifier on labelled payments of a dataset."""
    return fitted(payments, names, TrainingOptions(), on_round).booster


def fitted(
    payments: pl.DataFrame, names: tuple[str, ...], options: TrainingOptions, on_round: OnRound = _silent
) -> Fitted:
    """Train a classifier on labelled payments of a dataset; raises SetupError if too little fraud is held out.

    With a calibration the classifier is the one that never saw the held-out payments, because the calibration is its own; with
    early stopping alone it is fitted again to all payments, with the number of rounds that was found.
    """
    rounds = options.rounds
    if not options.holds_out:
        return _boosted(payments, names, options, rounds, on_round)
    earlier, later = held_out(payments)
    first = _boosted(earlier, names, options, rounds, on_round, later)
    if options.calibration == "none":
        return _boosted(payments, names, options, first.rounds, _silent)
    scores = first.probabilities(later, names)
    found = calibrate(scores, later["is_fraud"].to_numpy(), options.calibration)
    return Fitted(first.booster, first.rounds, first.params, found)


def held_out(payments: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split payments by time: those to learn from, and the later ones to stop and calibrate with."""
    time = payments["event_time"]
    first, last = time.min(), time.max()
    assert isinstance(first, int)
    assert isinstance(last, int)
    cut_ms = last - round((last - first) * HELD_OUT_SHARE)
    earlier, later = payments.filter(time < cut_ms), payments.filter(time >= cut_ms)
    for part in (earlier, later):
        if not part["is_fraud"].any() or part["is_fraud"].all():
            raise SetupError(
                f"the last fifth of the time to learn from, or the rest of it, holds no fraud or nothing else ({later.height:,} and "
                f"{earlier.height:,} payments), so that nothing says when to stop or what to calibrate on: use a longer history, "
                "or train without early stopping and calibration"
            )
    return earlier, later


def _boosted(
    payments: pl.DataFrame,
    names: tuple[str, ...],
    options: TrainingOptions,
    rounds: int,
    on_round: OnRound,
    later: pl.DataFrame | None = None,
) -> Fitted:
    """Fit; `later` are the payments that say when to stop, if early stopping is wanted."""
    params = options.parameters(int(payments["is_fraud"].sum()), payments.height)
    learnt = LabelledPayments(payments, names, options.categories)
    data = xgboost.QuantileDMatrix(learnt, max_bin=params["max_bin"], enable_categorical=True)
    callbacks: list[xgboost.callback.TrainingCallback] = [_Rounds(on_round)]
    watched = {}
    if later is not None and options.early_stopping is not None:
        watched["later"] = xgboost.QuantileDMatrix(
            LabelledPayments(later, names, options.categories),
            max_bin=params["max_bin"],
            ref=data,
            enable_categorical=True,
        )
        params = {**params, "eval_metric": "aucpr"}
        callbacks.append(xgboost.callback.EarlyStopping(rounds=options.early_stopping, save_best=True))
    booster = xgboost.train(
        params,
        data,
        rounds,
        evals=[*((each, name) for name, each in watched.items())],
        callbacks=callbacks,
        verbose_eval=False,
    )
    booster.feature_names = list(names)  # stored in the model's file, so that loading can compare
    booster.feature_types = learnt.types
    return Fitted(booster, booster.num_boosted_rounds(), params)


class _Rounds(xgboost.callback.TrainingCallback):
    """Reports every round to a callback."""

    def __init__(self, on_round: OnRound) -> None:
        super().__init__()
        self._on_round = on_round

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        self._on_round(epoch + 1)
        return False
