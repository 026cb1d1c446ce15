"""Random schedules of payments, micro-batches, crashes and replays: every decision ever published is the oracle's.

A schedule may stop the worker after any step of decide -> publish decisions -> changelog acknowledged -> disk written
with the changelog offset -> source acknowledged -> committed, also in the middle of a recovery; keep or wipe its disk;
replay in other micro-batches; repeat changelog records, and let those of a stopped worker arrive late. Every published
answer, first or recomputed, and every recovered state is compared with `tests/tables/oracle.py`.

What a schedule leaves out, because nothing promises it:

- A card is keyed or repartitioned, never both: if it is both, the order of its two topics may differ in a replay
  (docs/decisions/0006-delta-changelog-table.md, "What can still go wrong").
- With repartitioned cards, no payment is later than allowed (how late it is depends on the order of the topics), and
  no changelog record of a stopped worker arrives late (a repartitioned payment's number depends on the worker).
- An id comes again only while its first payment is inside the allowed lateness; later its ten minutes, and ten minutes later
  itself, may be forgotten (its decision is then marked late).
- A conflicting payment lies in the bucket of the first or the next one and not after the newest time; the tests in
  `test_conflict_limits.py` say what happens otherwise.
"""

import os
from collections.abc import Callable
from random import Random
from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from fraudstream.domain.windows.entries import WINDOW_MS
from tests.tables.oracle import Paid
from tests.tables.schedules import ALLOWED_LATENESS_MS, World
from tests.windows import LAYOUT

NOON = 1_580_558_400_000
REKEYED_FROM_CARD = 2

LEAP_MS = ALLOWED_LATENESS_MS + WINDOW_MS
SHIFTS_MS: tuple[Callable[[Random], int], ...] = (
    lambda chance: chance.choice([0, 1, 60_000, 60_001, WINDOW_MS, WINDOW_MS + 1]),
    lambda chance: chance.choice([-1, -60_000, -WINDOW_MS, -WINDOW_MS + 1]),
    lambda chance: chance.randint(0, 30_000),
    lambda chance: chance.randint(-WINDOW_MS, 0),
    lambda chance: chance.randint(-LEAP_MS - WINDOW_MS, -ALLOWED_LATENESS_MS + WINDOW_MS),
    lambda chance: chance.choice([-ALLOWED_LATENESS_MS - 1, -LEAP_MS, ALLOWED_LATENESS_MS, LEAP_MS]),
)
"""From the newest time so far: ties, the edges of the window, disorder, beyond the allowed lateness, a leap of the clock."""

KINDS = ["new"] * 8 + ["again", "conflict"]
SENT = st.tuples(st.integers(0, 2**32), st.sampled_from([0, 3, 10, 30]))
"""A seed and how many payments."""

ROWS = st.one_of(st.integers(0, 4), st.integers(5, 40))
TURNS = st.lists(st.tuples(st.booleans(), ROWS), min_size=1, max_size=3)
RECORDS = st.integers(1, 5)
WRITES = st.one_of(st.none(), st.integers(0, 3))


class Schedule(RuleBasedStateMachine):
    """What may happen to one partition, in any order."""

    world_type: ClassVar[type[World]] = World

    def __init__(self) -> None:
        super().__init__()
        self.world = self.world_type()
        self.both_topics = False
        self.firsts: list[Paid] = []

    @initialize(both_topics=st.sampled_from([False, False, True]))
    def begin(self, both_topics: bool) -> None:
        """Choose whether there are repartitioned cards."""
        self.both_topics = both_topics

    def pay(self, sent: tuple[int, int]) -> None:
        """Append payments to the source: new ones, repetitions, and ids that come with other content."""
        seed, payments = sent
        chance = Random(seed)  # drawing each payment from Hypothesis took most of the time
        for _ in range(payments):
            kind, card, pick = chance.choice(KINDS), chance.randrange(4), chance.randrange(1, 100)
            shift_ms = chance.choice(SHIFTS_MS)(chance)
            paid = self._new(card, shift_ms, pick) if kind == "new" else self._known(kind, shift_ms, pick)
            if paid is not None:
                self.world.topics[self.both_topics and paid.card >= REKEYED_FROM_CARD].log.append(paid)

    def _new(self, card: int, shift_ms: int, cents: int) -> Paid:
        """Return a payment with an id that is new for its card; one in ten is a refund."""
        event_time_ms = (self.world.watermark_ms or NOON) + shift_ms
        if self.both_topics:
            event_time_ms = min(max(event_time_ms, NOON), NOON + ALLOWED_LATENESS_MS)
        paid = Paid(
            card,
            event_time_ms,
            cents if cents % 10 else -cents,
            sum(other.card == card for other in self.firsts),
        )
        self.firsts.append(paid)
        return paid

    def _known(self, kind: str, shift_ms: int, pick: int) -> Paid | None:
        """Return a payment that is remembered, or one with its id and another time or amount."""
        newest_ms = self.world.watermark_ms
        remembered = [paid for paid in self.firsts if paid.event_time_ms >= newest_ms - ALLOWED_LATENESS_MS]
        if not remembered:
            return None
        paid = remembered[-1 - pick % len(remembered)]
        if kind == "again":
            return paid
        moved_ms = paid.event_time_ms + shift_ms
        buckets_on = (LAYOUT.bucket_of(moved_ms) - LAYOUT.bucket_of(paid.event_time_ms)) // WINDOW_MS
        if shift_ms and moved_ms <= newest_ms and buckets_on in (0, 1):
            return paid._replace(event_time_ms=moved_ms)
        return paid._replace(cents=paid.cents + 1)

    def _allowed(self, turns: list[tuple[bool, int]]) -> list[tuple[bool, int]]:
        return turns if self.both_topics else [(False, rows) for _, rows in turns]

    @rule(sent=SENT, turns=TURNS, commits=st.booleans())
    def decide(self, sent: tuple[int, int], turns: list[tuple[bool, int]], commits: bool) -> None:
        """Take a micro-batch through all steps."""
        self.pay(sent)
        self.world.run(self._allowed(turns), commits)

    @rule(
        sent=SENT,
        turns=TURNS,
        commits=st.booleans(),
        steps=st.sampled_from([*map(slice, [0, 1, 1, 2, 3, 3, 4, 5]), slice(1, 2)]),
        wiped=st.booleans(),
        records=RECORDS,
        writes=WRITES,
        late=st.sampled_from([True, True, False]),
    )
    def crash(
        self,
        sent: tuple[int, int],
        turns: list[tuple[bool, int]],
        commits: bool,
        steps: slice,
        wiped: bool,
        records: int,
        writes: int | None,
        late: bool,
    ) -> None:
        """Stop after some steps (the changelog may also have what the world has not) and start again.

        `late`: the changelog record of the stopped worker arrives as soon as its successor has recovered.
        """
        self.pay(sent)
        batch = self.world.run(self._allowed(turns), commits, steps)
        if not self.both_topics:
            self.world.lose(batch)
        self.world.restart(wiped, records, writes)
        if late and self.world.in_flight:
            self.world.append(self.world.in_flight.pop())

    @rule(repartitioned=st.booleans())
    def commit(self, repartitioned: bool) -> None:
        """Commit a topic, as Faust does from time to time."""
        self.world.commit(repartitioned)

    @rule(wiped=st.booleans(), records=RECORDS, writes=WRITES)
    def restart(self, wiped: bool, records: int, writes: int | None) -> None:
        """Start again at rest; what was not committed comes again."""
        self.world.restart(wiped, records, writes)

    @precondition(lambda self: self.world.changelog)
    @rule(pick=st.integers(0, 99))
    def repeat(self, pick: int) -> None:
        """Write a changelog record twice."""
        self.world.repeat(-1 - pick % len(self.world.changelog))

    @rule(rows=st.integers(1, 40), wiped=st.booleans())
    def finish(self, rows: int, wiped: bool) -> None:
        """Start again, decide all there is, and rebuild: every payment is counted, once."""
        self.world.restart(wiped, 4)
        while self.world.unread:
            self.world.run([(False, rows), (True, rows)], commits=True)
        counted = {
            (repartitioned, offset)
            for repartitioned, topic in self.world.topics.items()
            for offset, _, _ in topic.counted()
        }
        assert counted <= self.world.in_changelog
        self.world.restart(True, 4)


class TestSchedules(Schedule.TestCase):  # type: ignore[misc, name-defined]
    """Hypothesis runs `Schedule` as a test; `CRASH_SCHEDULES=20000 pytest ...` for a night of them."""

    settings = settings(
        max_examples=int(os.environ.get("CRASH_SCHEDULES", "200")),
        stateful_step_count=20,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
