"""Turns a classifier's scores into shares of fraud, as a table: isotonic, or Platt's logistic curve.

Isotonic regression is stored as centred: one row for each of its steps, at the mean score of the step, with straight lines between
(Oron and Flournoy 2017), so that payments keep their order. Platt's curve is stored as a table, too, of PLATT_ROWS rows.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from fraudstream.domain.table import Table

Method = Literal["isotonic", "platt"]
METHODS: tuple[Method, ...] = ("isotonic", "platt")

PLATT_ROWS = 513
LOGIT_MAX = 16.0
"""Scores further from 1/2 are nearer to 0 or 1 than float32 can tell."""
SLOPE_MIN = 1e-3
"""Of Platt's curve: a score never counts against fraud."""

Scores = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Calibrated:
    """A calibration, and how well it did on payments that it was not made of."""

    method: Method
    table: Table
    log_loss: dict[str, float]
    """By method, and of the scores as they were; on the later half of the payments. Empty if the method was given."""

    def described(self) -> dict[str, Any]:
        """Say in a manifest what was done."""
        return {"method": self.method, "rows": len(self.table.x), "log_loss": self.log_loss}


def calibrate(scores: Scores, fraud: Labels, method: Literal["auto", "isotonic", "platt"]) -> Calibrated:
    """Calibrate on payments in order of time; "auto": by the method that does better on the later half if made of the earlier.

    If one half has no fraud, "auto" is Platt's, which needs less of it.
    """
    if method != "auto":
        return Calibrated(method, table_of(scores, fraud, method), {})
    half = len(scores) // 2
    if not (fraud[:half].any() and fraud[half:].any()):
        return Calibrated("platt", table_of(scores, fraud, "platt"), {})
    found: dict[str, float] = {}
    for each in METHODS:
        shares = table_of(scores[:half], fraud[:half], each).at(scores[half:])
        found[each] = _loss(shares, fraud[half:])
    best: Method = min(METHODS, key=lambda each: found[each])
    losses = {**found, "uncalibrated": _loss(scores[half:], fraud[half:])}
    return Calibrated(best, table_of(scores, fraud, best), losses)


def table_of(scores: Scores, fraud: Labels, method: Method) -> Table:
    """Return the share of fraud at each score."""
    return _isotonic(scores, fraud) if method == "isotonic" else _platt(scores, fraud)


def _isotonic(scores: Scores, fraud: Labels) -> Table:
    """Return the centred isotonic regression, from (0, 0) to (1, 1)."""
    values = np.asarray(scores, np.float64)
    steps = IsotonicRegression(y_min=0.0, y_max=1.0).fit_transform(values, fraud)
    shares, step = np.unique(steps, return_inverse=True)
    centres = np.bincount(step, values) / np.bincount(step)
    inside = (centres > 0) & (centres < 1) & (shares > 0) & (shares < 1)
    return Table([0.0, *centres[inside], 1.0], [0.0, *shares[inside], 1.0])


def _platt(scores: Scores, fraud: Labels) -> Table:
    """Return the logistic curve over the log odds."""
    logits = _logits(np.asarray(scores, np.float64))
    curve = LogisticRegression(C=np.inf, max_iter=1000).fit(logits[:, None], fraud)
    slope, start = max(float(curve.coef_[0, 0]), SLOPE_MIN), float(curve.intercept_[0])
    at = np.linspace(-LOGIT_MAX, LOGIT_MAX, PLATT_ROWS)
    x, y = (1 / (1 + np.exp(-each)) for each in (at, start + slope * at))
    return Table(x, y)


def _logits(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    nearest = 1 / (1 + np.exp(LOGIT_MAX))
    held = np.clip(scores, nearest, 1 - nearest)
    return np.log(held / (1 - held))


def _loss(shares: Scores, fraud: Labels) -> float:
    return float(log_loss(fraud, np.clip(shares, 1e-7, 1 - 1e-7)))
