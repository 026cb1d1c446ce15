"""Live traffic of the Handbook's world: its customers go on paying, at whatever rate a test needs."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import polars as pl

from fraudstream.world.generate import to_frame
from fraudstream.world.handbook import Handbook
from fraudstream.world.live import SECOND_MS, TIDS_PER_SECOND


class HandbookLive:
    """Iterate to get one frame a second, in the columns of the history; thieves are those of the day after it.

    Who pays is drawn as in the history, whatever was paid a moment before: at a high rate many pay several times in ten minutes.
    """

    def __init__(self, world: Handbook, rate: float, start_ms: int, seed: int = 1) -> None:
        """`rate` is payments a second on average; `start_ms` is the earliest time of the first payment."""
        self._world = world
        self._rate = rate
        self._now_ms = start_ms
        self._tid = start_ms // SECOND_MS * TIDS_PER_SECOND
        self._rng = np.random.default_rng([world.seed, 13, seed, start_ms // SECOND_MS])
        self._thieves = next(islice(world.thieves(), world.days, None))
        share = np.cumsum(world.people.rate)
        self._share = share / share[-1]

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Yield for ever; each frame's event times lie in its second, beginning with the one at `start_ms`."""
        while True:
            count = self._rng.poisson(self._rate)
            card = np.searchsorted(self._share, self._rng.random(count), side="right")
            at_ms = self._now_ms + self._rng.integers(0, SECOND_MS, count)
            rows = self._world.paid(self._rng, card, at_ms, self._thieves).in_order()
            yield to_frame(rows, self._world.people, self._tid)
            self._tid += count
            self._now_ms += SECOND_MS
