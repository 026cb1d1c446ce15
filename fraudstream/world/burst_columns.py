"""Draws the lengths and times of bursts of payments, as one flat set of columns."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fraudstream.world.rows import Floats, Int64s, Rows


@dataclass(frozen=True, slots=True)
class Bursts:
    """Many bursts, flattened: payment `i` is number `position[i]` of the burst `of_burst[i]`, which has `length[i]`."""

    bursts: int
    of_burst: Int64s
    position: Int64s
    length: Int64s
    card: Int64s
    at_ms: Int64s

    @classmethod
    def of(
        cls,
        rng: np.random.Generator,
        card: Int64s,
        start_ms: Int64s,
        length: tuple[int, int],
        gaps_s: Callable[[int], Floats],
    ) -> "Bursts":
        """Draw bursts of `length` (both ends included) on these cards; `gaps_s(n)` draws n waits in seconds."""
        lengths = rng.integers(length[0], length[1] + 1, len(card))
        of_burst = np.repeat(np.arange(len(card)), lengths)
        first = np.cumsum(lengths) - lengths
        position = np.arange(len(of_burst)) - first[of_burst]
        waits = np.where(position == 0, 0, np.rint(gaps_s(len(of_burst)) * 1000).astype(np.int64))
        elapsed = np.cumsum(waits)
        at_ms = start_ms[of_burst] + elapsed - (elapsed[first][of_burst] if len(first) else 0)
        return cls(len(card), of_burst, position, lengths[of_burst], card[of_burst], at_ms)

    def rows(self, cents: Int64s, merchant: Int64s, zip_code: Int64s, scenario: int) -> Rows:
        """Return the bursts as payments; one value per payment."""
        return Rows(self.card, self.at_ms, cents, merchant, zip_code, np.full(len(self.card), scenario))
