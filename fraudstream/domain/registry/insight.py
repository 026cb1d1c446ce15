"""A score that says how rare an event is among legitimate ones: Amazon Fraud Detector's scale of 0 to 1000.

A score of 900 or more is given to at most 2 % of legitimate events, 600 or more to at most 10 %, whatever the model and
however it is calibrated; so thresholds keep their meaning from version to version.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

ANCHORS = (
    (0, 1.0),
    (600, 0.10),
    (700, 0.07),
    (775, 0.05),
    (860, 0.03),
    (900, 0.02),
    (950, 0.01),
    (975, 0.005),
    (1000, 0.0),
)
"""Score -> share of legitimate events with at least this score.

Fraud Detector's table (docs.aws.amazon.com/frauddetector/latest/ug/model-scores.html), linear in between, from all events
at 0 to none at 1000."""

STEP = 5
"""Between the scores of a table; also Fraud Detector's."""


def false_positive_rate(score: float) -> float:
    """Return the share of legitimate events that a score stands for.

    >>> [false_positive_rate(score) for score in (0, 600, 900, 1000)]
    [1.0, 0.1, 0.02, 0.0]
    """
    scores, rates = zip(*ANCHORS, strict=True)
    return float(np.interp(score, scores, rates))


@dataclass(frozen=True, slots=True)
class InsightScale:
    """Thresholds of probability, one for each score from 0 to 1000 in steps of 5, that were measured on test events."""

    thresholds: tuple[float, ...]
    """Rising; 0 first. A legitimate event reaches the threshold of a score at most as often as the score says."""

    legitimate: int
    """How many events it was measured on; with fewer than some thousand, scores near 1000 are coarse."""
    _bounds: npt.NDArray[np.float64] = field(init=False, repr=False, compare=False)
    """The thresholds, and one that nothing reaches."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_bounds", np.array((*self.thresholds, np.inf)))

    @classmethod
    def measured(cls, fraud: npt.NDArray[Any], probability: npt.NDArray[Any]) -> "InsightScale":
        """Measure a scale on events whose label is known. There has to be a legitimate one."""
        legitimate = np.sort(probability[~fraud.astype(bool)].astype(np.float64))[::-1]
        count = len(legitimate)
        if not count:
            raise ValueError("no legitimate event to measure a scale on")
        thresholds = []
        for score in range(0, 1000 + STEP, STEP):
            allowed = int(np.floor(false_positive_rate(score) * count + 1e-9))
            above = 0.0 if allowed >= count else np.nextafter(legitimate[allowed], np.inf)
            thresholds.append(float(above))
        return cls(tuple(thresholds), count)

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> "InsightScale":
        """Read it from a manifest; raises ValueError."""
        thresholds = tuple(float(each) for each in described["thresholds"])
        rising = all(low <= high for low, high in pairwise(thresholds))
        if len(thresholds) != 1000 // STEP + 1 or not rising or thresholds[0] != 0:
            raise ValueError("the thresholds of an insight scale must rise from 0, one for every 5 points")
        return cls(thresholds, int(described["legitimate"]))

    def described(self) -> dict[str, Any]:
        """Return it for a manifest."""
        return {"step": STEP, "thresholds": list(self.thresholds), "legitimate": self.legitimate}

    def threshold(self, score: int) -> float:
        """Return the probability from which events have at least a score that is a multiple of 5."""
        return self.thresholds[score // STEP]

    def scores(self, probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
        """Return each event's score on the scale, 0 to 1000; it never falls when the probability rises.

        Between two thresholds the score rises evenly, and stays below the higher one's.
        """
        position = np.searchsorted(self._bounds, probabilities, side="right") - 1
        low, high = self._bounds[position], self._bounds[position + 1]
        points = np.minimum(STEP - 1, (probabilities - low) / (high - low) * STEP)
        scores: npt.NDArray[np.int32] = (position * STEP + points.astype(np.int64)).astype(np.int32)
        return scores
