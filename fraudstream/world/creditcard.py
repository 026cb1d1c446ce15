"""The shape of creditcard.csv: 28 anonymous components, uncorrelated, of falling spread, and elsewhere for fraud."""

from collections.abc import Mapping

import numpy as np

from fraudstream.world.drawn import Drawn
from fraudstream.world.rows import Floats

COMPONENTS = 28

SPREAD = np.linspace(1.96, 0.33, COMPONENTS)
"""Standard deviations: principal components come in order of theirs, here as steeply as in the file."""

FRAUD_SHIFT = {
    "V3": -1.5,
    "V4": 1.5,
    "V10": -2.0,
    "V11": 1.5,
    "V12": -2.5,
    "V14": -3.0,
    "V16": -1.5,
    "V17": -2.0,
}
"""By how many standard deviations fraud lies elsewhere, in the components and the direction in which it does in the file."""


def components(drawn: Drawn) -> Mapping[str, Floats]:
    """Return V1 to V28."""
    count, fraud = len(drawn.rows), drawn.rows.is_fraud
    made = {}
    for number, spread in enumerate(SPREAD, 1):
        name = f"V{number}"
        made[name] = (
            spread * (drawn.chance.standard_normal(count) + FRAUD_SHIFT.get(name, 0.0) * fraud)
        ).round(9)
    return made
