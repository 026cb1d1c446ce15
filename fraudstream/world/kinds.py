"""Kinds of bursts of payments in the AWS sample's world, and how often each starts."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fraudstream.world import bursts
from fraudstream.world.population import Population
from fraudstream.world.rows import Int64s, Rows

FRAUD_SHARE = 0.0025
"""Of all payments in the sample; a small world has a larger share."""

CARD_TESTING_SHARE = 0.3
"""Of all attacks; not from the sample."""

ATTACK_MEAN_LENGTH = sum(bursts.ATTACK_LENGTH) / 2

Draw = Callable[[np.random.Generator, Population, Int64s, Int64s], Rows]
"""Draws bursts on these cards at these times."""

Follow = Callable[[np.random.Generator, Population, Rows, int], Rows]
"""Draws so many bursts that follow from the payments of a day, hours or days after them."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of burst: how to draw it, how many start per payment of the world, and whether it is an attack."""

    draw: Draw
    per_payment: float
    attack: bool = False
    grows: bool = False
    """Whether there is none of it at the start of a history, and twice as much as on average at its end."""
    follow: Follow | None = None
    """If it follows from earlier payments: how. Live traffic uses `draw`: what it begins with lies before it."""

    def per_payment_at(self, progress: float) -> float:
        """Return how many start per payment; `progress`: 0 at the start of the history, 1 at its end."""
        return self.per_payment * 2 * progress if self.grows else self.per_payment


SAMPLE_KINDS = (
    Kind(bursts.shopping_trips, 0.016),  # a card of 3.5 payments a day goes to town every 18 days
    Kind(bursts.machine_taps, 0.008),  # ... buys drinks for friends every 5 weeks
    Kind(bursts.group_fares, 0.003),  # ... takes the family by metro every 3 months
    Kind(bursts.double_charges, 0.0001),  # one payment in 10,000 is charged twice
    Kind(bursts.chains, FRAUD_SHARE * (1 - CARD_TESTING_SHARE) / ATTACK_MEAN_LENGTH, attack=True),
    Kind(bursts.card_tests, FRAUD_SHARE * CARD_TESTING_SHARE / ATTACK_MEAN_LENGTH, attack=True),
)
