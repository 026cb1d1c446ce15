"""The acceptance story of the AWS sample's last notebook, decided a thousand times by the detector.

Three single payments (100-5000) on three cards, then ten on a fourth, 1-2 s apart, 1-50 each. The three and the first
of the ten are not fraud, because nothing distinguishes them from honest payments; the other nine are.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import SetupError
from fraudstream.domain.features.inputs import week_columns, with_amount
from fraudstream.domain.features.schema import CENTS, EVENT_TIME
from fraudstream.domain.weekly import Week
from fraudstream.domain.weekly_aggregates import NOTHING_DECLARED, WeeklyAggregates
from fraudstream.offline.point_in_time import Arrived, point_in_time
from fraudstream.world.population import to_cents
from fraudstream.world.rows import Int64s

SINGLES = 3
SINGLE_AMOUNT = (100.0, 5000.0)
ATTACK = 10
ATTACK_AMOUNT = (1.0, 50.0)
ATTACK_GAP_S = (1.0, 2.0)
CARDS = SINGLES + 1
PAYMENTS = SINGLES + ATTACK

EXPECTED = np.array([False] * CARDS + [True] * (ATTACK - 1))
"""Whether each of the thirteen payments should be called fraud, in the order they are sent."""


@dataclass(frozen=True, slots=True)
class StoriesResult:
    """How many stories were decided right as a whole, and how often each payment was called fraud."""

    stories: int
    passed: int
    singles_flagged: float
    flagged_by_position: tuple[float, ...]

    @property
    def pass_rate(self) -> float:
        """Share of stories in which all thirteen payments were decided as expected."""
        return self.passed / self.stories


@dataclass(frozen=True, slots=True)
class Story:
    """One story's payments in the order they are sent: card 0-2 once each, card 3 ten times."""

    card: Int64s
    wait_s: npt.NDArray[np.float64]
    """Seconds to wait before sending each payment."""
    cents: Int64s


def tell(rng: np.random.Generator) -> Story:
    """Draw a story."""
    card = np.array([*range(SINGLES), *[SINGLES] * ATTACK])
    wait_s = np.concatenate([np.zeros(SINGLES), rng.uniform(*ATTACK_GAP_S, ATTACK)])
    amounts = np.concatenate([rng.uniform(*SINGLE_AMOUNT, SINGLES), rng.uniform(*ATTACK_AMOUNT, ATTACK)])
    return Story(card, wait_s, to_cents(amounts))


def tell_many(
    detector: Detector,
    weeks: list[Week],
    stories: int = 1000,
    seed: int = 1,
    weekly: WeeklyAggregates = NOTHING_DECLARED,
) -> StoriesResult:
    """Decide `stories` seeded stories on cards with these weeks, each on four different cards, alone in their windows.

    The weeks are those of real cards of the world, e.g. of the newest snapshot. Raises SetupError for fewer than four.
    """
    if len(weeks) < CARDS:
        raise SetupError(
            "the weekly aggregates have fewer than four cards; compute them with: fraudstream aggregate"
        )
    rng = np.random.default_rng(seed)
    told = [tell(rng) for _ in range(stories)]
    chosen = np.concatenate([rng.choice(len(weeks), CARDS, replace=False)[story.card] for story in told])
    frame = _frame(told, [weeks[i] for i in chosen], weekly)
    missing = [name for name in detector.model.inputs.variables if name not in frame.columns]
    flagged = (
        detector.decide(frame.with_columns(pl.lit(None, pl.String).alias(name) for name in missing))["fraud"]
        .to_numpy()
        .reshape(stories, PAYMENTS)
    )
    return StoriesResult(
        stories=stories,
        passed=int((flagged == EXPECTED).all(axis=1).sum()),
        singles_flagged=float(flagged[:, :SINGLES].mean()),
        flagged_by_position=tuple(float(share) for share in flagged[:, SINGLES:].mean(axis=0)),
    )


def _frame(told: list[Story], weeks: list[Week], weekly: WeeklyAggregates) -> pl.DataFrame:
    """Return the detector's input for all payments of all stories; `weeks` has one week per payment."""
    card = np.concatenate([story.card + CARDS * number for number, story in enumerate(told)])
    time = np.concatenate([np.rint(np.cumsum(story.wait_s) * 1000).astype(np.int64) for story in told])
    cents = np.concatenate([story.cents for story in told])
    week = week_columns([week.payments for week in weeks], [week.mean_amount for week in weeks])
    known = point_in_time(Arrived.of(card, time, cents)).with_columns(
        CENTS.series(cents),
        EVENT_TIME.series(time),
        *(each.series() for each in week),
        *weekly.columns([week.declared for week in weeks]),
    )
    return with_amount(known)
