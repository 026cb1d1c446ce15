"""What a model said of some rows when a release was made: whoever loads it has to compute the same, bit by bit.

A worker with another version of XGBoost, or on another processor, might compute otherwise; its decisions would differ from
those of its neighbours, and a replay from the first time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fraudstream.domain.errors import SetupError
from fraudstream.domain.model import Model, anomaly_scores

ROWS = 64
SEED = 15

Numbers = tuple[float, ...]


def golden_rows(features: int, rows: int = ROWS) -> npt.NDArray[np.float32]:
    """Return rows that reach many leaves of any model: numbers of every size, zeros, and some that are missing."""
    generator = np.random.default_rng(SEED)
    sizes = 10 ** generator.uniform(-3, 5, (rows, features))
    around_zero = generator.normal(0, 3, (rows, features))
    kind = generator.uniform(0, 1, (rows, features))
    chosen = np.select([kind < 0.5, kind < 0.8, kind < 0.95], [sizes, around_zero, 0.0], np.nan)
    return np.ascontiguousarray(chosen, np.float32)


@dataclass(frozen=True, slots=True)
class Golden:
    """Rows of features, and the probabilities and anomaly scores that a model gave them."""

    rows: tuple[tuple[float | None, ...], ...]
    """float32 as numbers; None: missing."""
    probabilities: Numbers
    anomaly_scores: Numbers | None

    @classmethod
    def of(cls, model: Model) -> Self:
        """Ask a model about the rows that are asked of every model."""
        rows = golden_rows(len(model.features))
        said = [[None if np.isnan(value) else float(value) for value in row] for row in rows]
        anomaly = anomaly_scores(model, rows)
        return cls(
            tuple(map(tuple, said)),
            tuple(map(float, model.probabilities(rows))),
            None if anomaly is None else tuple(map(float, anomaly)),
        )

    @classmethod
    def of_description(cls, said: Mapping[str, Any]) -> Self:
        """Read what `described` returned; raises ValueError, KeyError or TypeError."""
        rows = tuple(tuple(None if value is None else float(value) for value in row) for row in said["rows"])
        anomaly = said["anomaly_scores"]
        return cls(rows, _numbers(said["probabilities"]), None if anomaly is None else _numbers(anomaly))

    def described(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "rows": [list(row) for row in self.rows],
            "probabilities": list(self.probabilities),
            "anomaly_scores": None if self.anomaly_scores is None else list(self.anomaly_scores),
        }

    def check(self, model: Model) -> None:
        """Raise SetupError unless a model says the same of the same rows."""
        rows = np.array(
            [[np.nan if value is None else value for value in row] for row in self.rows], np.float32
        )
        if rows.shape != (len(self.probabilities), len(model.features)):
            raise SetupError("its golden predictions are not of the features that its model takes")
        _same("probability", np.array(self.probabilities, np.float32), model.probabilities(rows))
        scores = anomaly_scores(model, rows)
        if (scores is None) != (self.anomaly_scores is None):
            raise SetupError("its golden predictions were made with another anomaly model, or without one")
        if scores is not None and self.anomaly_scores is not None:
            _same("anomaly score", np.array(self.anomaly_scores, scores.dtype), scores)


def _same(what: str, expected: npt.NDArray[Any], computed: npt.NDArray[Any]) -> None:
    if expected.tobytes() == computed.astype(expected.dtype).tobytes():
        return
    row = int(np.flatnonzero(expected != computed)[0])
    raise SetupError(
        f"its model gives row {row} of the golden predictions the {what} {computed[row]!s}, and gave it {expected[row]!s} when "
        "the release was made; run the same version of fraudstream and XGBoost on all workers"
    )


def _numbers(said: Sequence[Any]) -> Numbers:
    return tuple(float(value) for value in said)
