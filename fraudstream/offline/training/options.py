"""How a model is to be fitted, and the AWS sample's way, which is the default."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ROUNDS = 100
PARAMS: Mapping[str, Any] = {
    # The sample's.
    "objective": "binary:logistic",
    "max_depth": 5,
    "eta": 0.2,
    "gamma": 4,
    "min_child_weight": 6,
    "subsample": 0.7,
    # Defaults of the XGBoost it was written for, or finer. min_child_weight counts p(1 - p): from today's start at the
    # share of fraud, 6 would be 2,400 payments, more than there are of any attack; from 0.5 it is 24.
    "base_score": 0.5,
    # Nine payments in ten are alone in their ten minutes; 256 quantiles put 0 to 5 s since the last one into one bin.
    "tree_method": "hist",
    "max_bin": 16_384,
}

HELD_OUT_SHARE = 0.2
"""Of the time to learn from, the latest part: it says when to stop, and is what probabilities are calibrated on."""

Calibration = Literal["none", "auto", "isotonic", "platt"]

Anomaly = Literal["none", "beside"]


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How to fit a model; the default is the sample's way."""

    rounds: int = ROUNDS
    """At most, with `early_stopping`."""
    early_stopping: int | None = None
    """Stop when the average precision on the held-out time has not risen for so many rounds; None: fit all rounds."""
    class_weight: float | Literal["balanced"] = 1.0
    """How much a fraud counts beside another payment; "balanced": as much as all others together."""
    calibration: Calibration = "none"
    """What turns the model's scores into shares of fraud; "auto": the better of the two on a later part of the held-out time."""
    anomaly: Anomaly = "none"
    """Whether an isolation forest is kept beside the classifier."""
    search: float | None = None
    """Seconds in which better parameters are searched for before; None: none are."""
    seed: int = 1
    """Of what chance decides."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """XGBoost's, in place of the sample's."""
    categories: frozenset[str] = frozenset()
    """Features whose numbers stand for categories, and have no order."""

    @property
    def holds_out(self) -> bool:
        """Whether the latest part of the time to learn from is kept apart."""
        return self.early_stopping is not None or self.calibration != "none"

    def parameters(self, fraud: int, rows: int) -> dict[str, Any]:
        """Return what XGBoost is given for payments of which some are fraud."""
        weight = self.class_weight
        if weight == "balanced":
            weight = (rows - fraud) / max(fraud, 1)
        weighed = {} if weight == 1.0 else {"scale_pos_weight": weight}
        return {**PARAMS, "seed": self.seed, **weighed, **self.params}
