"""Payments of the simulated world on their way to an event type's columns."""

from dataclasses import dataclass

import numpy as np

from fraudstream.world.rows import Rows


@dataclass(frozen=True, slots=True)
class Drawn:
    """Some payments, and chance that depends on nothing but the world's seed and their ids."""

    rows: Rows
    chance: np.random.Generator
