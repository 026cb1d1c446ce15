"""The smallest change of each single feature that would have led to another outcome.

Exact for models that are sums of trees: between two of a model's thresholds for a feature nothing changes with it, so one
value of each interval says what the model does anywhere. The numbers and columns that rules compare with are tried, too, and the
values just beside them; only a rule that computes with a feature before it compares it may change its outcome at another value.
All values are decided at once. The other features stay what they are, also where a real payment could not change one alone.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.detector import Detector
from fraudstream.domain.features.catalogue import FEATURES
from fraudstream.domain.features.compute import matrix
from fraudstream.domain.features.schema import AMOUNT, INSIGHT_SCORE, OUTCOME, REASONS, SCORE, SCORED

NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
"""A number that a rule may compare a feature with."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Flip:
    """A change of one feature, and the outcome that it leads to."""

    feature: str
    value: float
    to: float
    outcome: str
    score: int


def flips(decided: pl.DataFrame, detector: Detector, thresholds: Mapping[str, list[float]]) -> list[Flip]:
    """Return the smallest change of each feature of one decided payment that leads to another outcome; those that can.

    `decided`: the payment as `decide` gives it. A feature without a value is left out: no change of it has a size.
    """
    made = _made(detector)
    described = decided.drop(name for name in decided.columns if name in made)
    return [
        flip
        for name in detector.model.features
        if (flip := _smallest(decided, described, detector, name, thresholds[name])) is not None
    ]


def _smallest(
    decided: pl.DataFrame, described: pl.DataFrame, detector: Detector, name: str, thresholds: list[float]
) -> Flip | None:
    """Return the smallest change of one feature."""
    dtype = described.schema[name]
    value = described[name].cast(pl.Float64)[0]
    if value is None:
        return None
    tried = _tried(
        value,
        thresholds,
        _compared_with(detector, described),
        whole=dtype.is_integer() or dtype == pl.Boolean,
    )
    if name in FEATURES and name != AMOUNT.name:
        tried = tried[tried >= 0]  # counts, means and ratios
    if not len(tried):
        return None
    frame = pl.concat([described] * len(tried)).with_columns(pl.Series(name, tried).cast(dtype))
    rows = matrix(frame, detector.model.features)
    judged = detector.judge(frame, rows, detector.model.probabilities(rows).astype(np.float64), reasons=False)
    other = np.flatnonzero((judged[OUTCOME.name] != decided[OUTCOME.name][0]).to_numpy())
    if not len(other):
        return None
    nearest = int(other[np.argmin(np.abs(tried[other] - value))])
    return Flip(
        name, value, float(tried[nearest]), judged[OUTCOME.name][nearest], int(judged[SCORE.name][nearest])
    )


def _tried(value: float, thresholds: Iterable[float], compared: Iterable[float], *, whole: bool) -> Floats:
    """Return the values nearest to the present one in every interval in which something could be otherwise."""
    at = np.unique(np.array([*thresholds], np.float32))
    edges = np.unique(np.array([*compared], np.float64))
    if whole:
        steps = np.unique(np.concatenate([at.astype(np.float64), edges]))
        tried = np.concatenate([np.ceil(steps), np.ceil(steps) - 1, np.floor(steps) + 1])
    else:
        below = np.nextafter(at, np.float32(-np.inf))
        tried = np.concatenate(
            [at, below, edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf)]
        ).astype(np.float64)
    finite = np.isfinite(tried) & (tried != value)
    found: Floats = np.unique(tried[finite])
    return found


def _compared_with(detector: Detector, described: pl.DataFrame) -> list[float]:
    """Return the numbers in the conditions of the rules, and the values of the columns that they may compare a feature with."""
    numbers = [float(number) for rule in detector.ruleset.evaluated for number in NUMBER.findall(rule.when)]
    names = {name for rule in detector.ruleset.evaluated for name in rule.condition().meta.root_names()}
    row = described.row(0, named=True)
    compared = (row.get(name) for name in names)
    return [*numbers, *(float(value) for value in compared if isinstance(value, int | float))]


def _made(detector: Detector) -> set[str]:
    """Return the names of what `judge` adds."""
    return {column.name for column in (*SCORED, INSIGHT_SCORE, *detector.ruleset.judge_of.columns, REASONS)}


def told(flips: Iterable[Flip]) -> list[dict[str, Any]]:
    """Return changes for JSON, the smallest relative one first."""
    ordered = sorted(flips, key=lambda flip: abs(flip.to - flip.value) / max(abs(flip.value), 1e-9))
    return [
        {
            "feature": flip.feature,
            "value": flip.value,
            "to": flip.to,
            "outcome": flip.outcome,
            "score": flip.score,
        }
        for flip in ordered
    ]
