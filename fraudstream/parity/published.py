"""Gathers the worker's values of a stream from its decisions, by place in the log."""

import math

import msgspec
import numpy as np
import numpy.typing as npt

from fraudstream.adapters.kafka.tail import Record
from fraudstream.domain.errors import FraudstreamError
from fraudstream.domain.features.schema import INSIGHT_SCORE, PROBABILITY
from fraudstream.parity.expected import Expected

JUDGED = (PROBABILITY.name, INSIGHT_SCORE.name)
"""What is compared beside the features."""


class Source(msgspec.Struct, gc=False):
    """Where a decided payment lies."""

    partition: int
    offset: int


class Decision(msgspec.Struct, gc=False):
    """The part of a decision that is compared."""

    features: dict[str, float | None]
    probability: float
    source: Source
    insight_score: int | None = None


class Published:
    """Gathers decisions into the rows of the stream they belong to."""

    def __init__(self, expected: Expected) -> None:
        rows = len(expected.offset)
        self.values = np.full((rows, len(expected.names)), np.nan)
        self.decisions = np.zeros(rows, np.int64)
        """How many decisions each payment got: one, unless a worker was restarted."""
        self._judged = [name for name in expected.names if name in JUDGED]
        self._features = tuple(name for name in expected.names if name not in JUDGED)
        self._decode = msgspec.json.Decoder(Decision).decode
        self._row_of = [
            np.flatnonzero(expected.partition == number) for number in range(expected.partition.max() + 1)
        ]

    def add(self, records: list[Record]) -> int:
        """Add some decisions; return how many payments got their first one."""
        if not records:
            return 0
        decisions = [self._decode(record.value or b"") for record in records]
        rows = np.array([self._row(decision.source) for decision in decisions])
        fresh = np.unique(rows[self.decisions[rows] == 0])
        self.values[rows] = [self._values(decision) for decision in decisions]
        np.add.at(self.decisions, rows, 1)
        return len(fresh)

    def _row(self, source: Source) -> int:
        return int(self._row_of[source.partition][source.offset])

    def _values(self, decision: Decision) -> list[float]:
        """Return a decision's values; raises FraudstreamError if it has other features."""
        if tuple(decision.features) != self._features:
            raise FraudstreamError(
                f"the worker publishes the features {', '.join(decision.features)}, but the model here has "
                f"{', '.join(self._features)}; is another worker on these topics?"
            )
        features = (math.nan if value is None else value for value in decision.features.values())
        judged = (getattr(decision, name) for name in self._judged)
        return [*features, *(math.nan if value is None else value for value in judged)]


def bits(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the numbers' bits: unlike ==, they tell 0.0 from -0.0, and a NaN is equal to itself."""
    return np.ascontiguousarray(values).view(np.int64)
