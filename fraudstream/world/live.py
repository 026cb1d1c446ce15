"""Live traffic: a world goes on second by second, at whatever rate a test needs.

A world of 10,000 cards makes 0.4 payments a second. Sent a hundred times as fast, every card would pay every four
minutes, all ten-minute windows would fill with honest payments, and a model would rightly find this strange. So live
traffic chooses quiet cards more often than the history does, but a card that has just paid behaves for ten minutes
exactly as in the history: it pays again as rarely, or goes on with its trip or attack. Every window then looks like
those of the history; only counts over hours do not. This needs enough cards: `rate_of(cards)`.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.windows.entries import WINDOW_MS
from fraudstream.world.dressing import dressing_of
from fraudstream.world.everyday import PAUSE_S, singles, subscriptions
from fraudstream.world.generate import to_frame
from fraudstream.world.kinds import FRAUD_SHARE
from fraudstream.world.population import SUBSCRIPTION_SHARE
from fraudstream.world.rows import NOTHING, Int64s, Rows, concat
from fraudstream.world.world import World

SECOND_MS = 1000

NOW = 1.0
"""Live traffic goes on where a history ends."""

AWAKE_SHARE = 0.5
"""Up to this share of cards may have paid within ten minutes; beyond it, only cards that hardly ever pay are left."""

TIDS_PER_SECOND = 4_000_000
"""Transaction ids count from (start in epoch s) x this, so that two runs never share one; below 2^53 until 2041."""


def rate_of(cards: int) -> float:
    """Return how many payments a second these many cards can make without filling each other's windows.

    >>> rate_of(60_000)
    50.0
    """
    return cards * AWAKE_SHARE * 1000 / WINDOW_MS


class Live:
    """Live traffic of a world; iterate to get one frame a second, in the columns of the history."""

    def __init__(
        self,
        world: World,
        rate: float,
        start_ms: int,
        seed: int = 1,
        attacks: float = 1.0,
        event_type: EventType | None = None,
    ) -> None:
        """`rate` is payments a second, on average if below 1; `start_ms` is the earliest time of the first payment.

        `attacks` 10 starts ten times as many attacks as in the sample, where one payment in 400 is fraud: for people who
        watch and have little time. Frames have the variables of `event_type`.
        """
        self._world = world
        self._people = world.people
        self._dressing = dressing_of(event_type, world.people, world.seed)
        self._rate = rate
        self._kinds = world.kinds_with(FRAUD_SHARE)
        self._attacks = attacks
        self._now_ms = start_ms
        self._tid = start_ms // SECOND_MS * TIDS_PER_SECOND
        self._rng = np.random.default_rng([world.seed, 4, seed, start_ms // SECOND_MS])
        self._weight = np.diff(self._people.activity, prepend=0.0)
        self._paid_ms = np.full(world.cards, start_ms - 2 * WINDOW_MS)
        self._to_come = NOTHING
        self._owed = 0.0

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Yield for ever; each frame's event times lie in its second, beginning with the one at `start_ms`."""
        while True:
            rows = self._second()
            yield to_frame(rows, self._people, self._tid, self._dressing)
            self._tid += len(rows)

    def _second(self) -> Rows:
        """Draw the payments of the next second, in order."""
        end_ms = self._now_ms + SECOND_MS
        bursts = concat([self._to_come, *self._starting_bursts()])
        due, self._to_come = bursts.take(bursts.at_ms < end_ms), bursts.take(bursts.at_ms >= end_ms)
        self._owed += self._rate - len(due)
        count = max(int(self._owed), 0)
        self._owed -= count
        card = self._draw(count, self._chances())
        alone = singles(self._rng, self._people, card, self._moments(len(card)))
        rows = concat([due, self._world.priced(alone, NOW)]).in_order()
        self._paid_ms[rows.card] = rows.at_ms
        self._now_ms = end_ms
        return rows

    def _starting_bursts(self) -> list[Rows]:
        """Draw the bursts and subscriptions that start in this second, as often per payment as in the sample."""
        chances = self._chances()
        parts = [self._subscriptions(chances)]
        for kind in self._kinds:
            often = self._attacks if kind.attack else 1.0
            count = self._rng.poisson(kind.per_payment_at(NOW) * self._rate * often)
            card = self._draw(count, chances, alike=kind.attack)
            parts.append(kind.draw(self._rng, self._people, card, self._moments(len(card))))
        return parts

    def _subscriptions(self, chances: npt.NDArray[np.float64]) -> Rows:
        """Draw any subscriptions: in a test of minutes the day of the month does not matter."""
        known = self._people.subscriptions.card
        count = self._rng.poisson(SUBSCRIPTION_SHARE * self._rate) if len(known) else 0
        which = self._rng.integers(0, max(len(known), 1), count)
        which = which[self._rng.random(count) < chances[known[which]]]
        return subscriptions(self._people, which, self._moments(len(which)))

    def _moments(self, count: int) -> Int64s:
        """Draw times within this second."""
        return self._now_ms + self._rng.integers(0, SECOND_MS, count)

    def _chances(self) -> npt.NDArray[np.float64]:
        """Return, per card, the chance that a draw of it is accepted: 1 if quiet, the history's pace if awake.

        With A the awake cards' share of all draws and r = history's rate / ours, accepting awake ones with chance p
        costs 1 / (1 - A (1 - p)) draws a payment, and p = r (1 - A) / (1 - r A) makes up for it.
        """
        since_ms = self._now_ms - self._paid_ms
        awake = since_ms < WINDOW_MS
        share = float(self._weight[awake].sum())
        pace = min(1.0, self._world.payments_per_card_day * self._world.cards / 86_400 / self._rate)
        chance = pace * (1 - share) / (1 - pace * share) if pace * share < 1 else 1.0
        return np.where(awake, np.where(since_ms < PAUSE_S * 1000, 0.0, chance), 1.0)

    def _draw(self, count: int, chances: npt.NDArray[np.float64], *, alike: bool = False) -> Int64s:
        """Draw distinct cards by how often they pay (or all alike); with too few quiet cards, any."""
        chosen = np.empty(0, dtype=np.int64)
        for _ in range(4):
            if len(chosen) >= count:
                break
            wanted = 2 * (count - len(chosen)) + 8
            card = self._candidates(wanted, alike=alike)
            card = card[self._rng.random(wanted) < chances[card]]
            chosen = _distinct(np.concatenate([chosen, card]))
        if len(chosen) < count:
            chosen = np.concatenate([chosen, self._candidates(count - len(chosen), alike=alike)])
        return chosen[:count]

    def _candidates(self, count: int, *, alike: bool) -> Int64s:
        if alike:
            return self._rng.integers(0, self._world.cards, count)
        return self._people.draw_cards(self._rng, count)


def _distinct(values: Int64s) -> Int64s:
    """Return the values without repetitions, in order of first appearance.

    >>> _distinct(np.array([3, 1, 3, 2])).tolist()
    [3, 1, 2]
    """
    return values[np.sort(np.unique(values, return_index=True)[1])]
