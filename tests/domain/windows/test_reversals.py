"""Reversals, row by row, in columns and of a whole history, against a definition that walks the stream with plain sets."""

from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fraudstream.domain.events.reversals import Reversal
from fraudstream.domain.windows.cells import hash64
from fraudstream.domain.windows.velocity import Windows, declared
from fraudstream.offline.point_in_time import Arrived, kept_values, point_in_time
from fraudstream.tables.activity_batch import Arrivals
from fraudstream.tables.activity_layout import Clock
from fraudstream.tables.aggregating import aggregate

START_MS = 1_580_688_000_000
HOUR_MS = 3_600_000
WINDOWS = Windows(
    [
        declared("spent", "sum", 600_000, "amount"),
        declared("most", "max", HOUR_MS, "amount"),
        declared("quiet_s", "seconds_since_previous", HOUR_MS),
        declared("reversal_known", "reversal", HOUR_MS, "original", "reversal"),
    ]
)
NAMES = [each.column.name for each in WINDOWS.velocities]
REVERSAL = Reversal("original", {"original": 0})


class Paid(NamedTuple):
    """An event of one of two entities; a reversal names the event it takes back."""

    entity: int
    at_ms: int
    cents: int
    tid: str
    original: str | None = None


@st.composite
def streams(draw: st.DrawFn) -> list[Paid]:
    """Draw events in order of arrival: ties, late ones, refunds, repetitions, and reversals of events before, after and never."""
    steps = st.tuples(
        st.sampled_from([0, 0, 0, 1]),
        st.sampled_from([0, 1, 1000, 1000, 60_000, 600_000, HOUR_MS, HOUR_MS + 1]),
        st.integers(-1, 9),
        st.sampled_from([0, 0, 0, 1000, 2000, 60_000, 600_000]),
        st.none() | st.sampled_from([-1, -1, -2, -2, -3, -6, 0, 1]),
        st.integers(0, 7),
    )
    now_ms, stream = 4 * HOUR_MS, list[Paid]()
    for entity, step_ms, cents, delay_ms, reverses, again in draw(st.lists(steps, min_size=3, max_size=30)):
        now_ms += step_ms
        if again == 0 and stream and now_ms - stream[-1].at_ms < 600_000:
            stream.append(stream[-1])
            continue
        original = None if reverses is None else f"p{len(stream) + reverses}"
        amount = cents if original is None else -abs(cents)
        stream.append(Paid(entity, now_ms - delay_ms, amount, f"p{len(stream)}", original))
    return stream


def by_definition(stream: list[Paid]) -> list[list[float | None]]:
    """Answer every event by the sentences of docs/event-types.md."""
    answers: dict[str, list[float | None]] = {}
    came: list[Paid] = []
    for own in stream:
        if own.tid in answers:
            continue
        known = {paid.tid: paid for paid in came if paid.entity == own.entity and paid.at_ms <= own.at_ms}
        taken_back = set()
        for reversal in known.values():
            if not reversal.original:
                continue
            earlier = [paid.tid for paid in came[: came.index(reversal)] if paid.at_ms <= reversal.at_ms]
            taken_back |= {reversal.original} & set(earlier)
        spending = [
            paid
            for paid in known.values()
            if paid.cents >= 0 and not paid.original and paid.tid not in taken_back
        ]
        answers[own.tid] = told(own, spending, known)
        came.append(own)
    return [answers[paid.tid] for paid in stream]


def told(own: Paid, spending: list[Paid], known: dict[str, Paid]) -> list[float | None]:
    """Return the features of an event, of the spending before it that stands."""

    def within(window_ms: int) -> list[Paid]:
        return [paid for paid in spending if own.at_ms - paid.at_ms <= window_ms]

    itself = [own] if own.cents >= 0 and not own.original else []
    ten, hour = within(600_000) + itself, within(HOUR_MS) + itself
    newest = [
        max((paid.at_ms for paid in within(window_ms)), default=None) for window_ms in (600_000, HOUR_MS)
    ]
    original = known.get(own.original or "")
    reached = original is not None and own.at_ms - original.at_ms <= HOUR_MS
    return [
        len(ten),
        sum(paid.cents for paid in ten) / (100 * len(ten)) if ten else 0.0,
        601.0 if newest[0] is None else (own.at_ms - newest[0]) / 1000,
        len(within(60_000) + itself),
        sum(paid.cents for paid in ten) / 100,
        max((paid.cents / 100 for paid in hour), default=None),
        3601.0 if newest[1] is None else (own.at_ms - newest[1]) / 1000,
        float(reached) if own.original else None,
    ]


def streamed(stream: list[Paid], rows: int) -> list[list[float | None]]:
    """Return what a worker answers, in micro-batches of so many rows."""
    buckets: dict[bytes, bytes] = {}
    clock = Clock()
    answers: list[list[float | None]] = []
    for first in range(0, len(stream), rows):
        part = stream[first : first + rows]
        batch = Arrivals(
            {0: len(part)},
            [bytes([paid.entity]) * 16 for paid in part],
            [START_MS + paid.at_ms for paid in part],
            [paid.cents for paid in part],
            [hash64(paid.tid) for paid in part],
            list(range(first, first + len(part))),
            [REVERSAL.cells([(paid.original,) for paid in part])],
        )
        seen = aggregate(
            WINDOWS,
            batch,
            {0: clock},
            lambda _, keys: {key: buckets[key] for key in keys if key in buckets},
            HOUR_MS,
        )
        buckets.update(seen.updates[0].buckets)
        clock = seen.updates[0].clock
        columns = [np.where(np.isnan(column), None, column).tolist() for column in seen.windows]
        answers += [list(row) for row in zip(*columns, strict=True)]
    return answers


def in_batch(stream: list[Paid]) -> list[list[float | None]]:
    """Return what training sees, of a history."""
    history = pl.DataFrame({"original": [paid.original for paid in stream]}, {"original": pl.String})
    known = point_in_time(
        Arrived(
            np.array([paid.entity for paid in stream], np.int64),
            START_MS + np.array([paid.at_ms for paid in stream], np.int64),
            np.array([paid.cents for paid in stream], np.int64),
            pl.Series([paid.tid for paid in stream], dtype=pl.String).hash().to_numpy(),
            np.zeros(len(stream), np.int64),
            kept_values(history, WINDOWS.layout, REVERSAL),
        ),
        HOUR_MS,
        WINDOWS,
    )
    return [list(row) for row in known.select(NAMES).rows()]


BUSY = [
    *(Paid(number % 2, 1000 * number, 100 + number, f"p{number}") for number in range(40)),
    Paid(0, 40_000, -138, "p40", "p38"),
    Paid(0, 41_000, 5, "p41"),
]


@given(streams(), st.sampled_from([1, 7, 100]))
@example(BUSY, 100)
@example(BUSY, 30)
def test_stream_and_batch_answer_reversals_as_defined(stream: list[Paid], rows: int) -> None:
    """Late, repeated, before their original, of another entity's event, of events that never come."""
    expected = by_definition(stream)

    assert expected == streamed(stream, rows)
    assert expected == in_batch(stream)


def counts(*stream: Paid) -> list[tuple[float | None, float | None]]:
    """Return the count of the last ten minutes and whether the reversal's event is known, of each event."""
    answers = streamed(list(stream), 1)
    assert by_definition(list(stream)) == answers
    return [(answer[0], answer[-1]) for answer in answers]


A, B = Paid(0, 0, 100, "a"), Paid(0, 1000, 200, "b")
LATER = Paid(0, 9000, 1, "z")


@pytest.mark.parametrize(
    ("between", "told"),
    [
        ([Paid(0, 2000, -100, "r", "a")], [(2, 1.0)]),
        ([Paid(0, 2000, 0, "r", "a")], [(2, 1.0)]),
        ([Paid(0, 2000, -100, "r", "a"), Paid(0, 2000, -100, "r", "a")], [(2, 1.0), (2, 1.0)]),
        ([Paid(0, 2000, -100, "r", "a"), Paid(0, 3000, -100, "s", "a")], [(2, 1.0), (1, 1.0)]),
    ],
    ids=["reversal", "of amount 0", "sent twice", "by another id"],
)
def test_what_was_taken_back_counts_in_no_window_from_then_on(
    between: list[Paid], told: list[tuple[int, float]]
) -> None:
    """The reversal itself is told the windows before it; decisions made stay as they are."""
    assert [(1, None), (2, None), *told, (2, None)] == counts(A, B, *between, LATER)


@pytest.mark.parametrize(
    ("reversal", "told"),
    [
        (Paid(0, 2000, -100, "r", "never"), (2, 0.0)),
        (Paid(0, 2000, -100, "r", "r"), (2, 0.0)),
        (Paid(1, 2000, -100, "r", "a"), (0, 0.0)),
        (Paid(0, 2000, -100, "r", ""), (2, None)),
    ],
    ids=["unknown", "its own", "another entity's", "a refund that names none"],
)
def test_a_reversal_of_an_unknown_event_is_marked_and_changes_nothing(
    reversal: Paid, told: tuple[int, float | None]
) -> None:
    """Both events before it still count."""
    assert [(1, None), (2, None), told, (3, None)] == counts(A, B, reversal, LATER)


def test_a_reversal_before_its_original_changes_nothing() -> None:
    """By arrival, or by event time: there was nothing to take back."""
    early = Paid(0, 500, -100, "r", "b")

    assert [(1, None), (1, 0.0), (2, None), (3, None)] == counts(A, early, B, LATER)
    assert [(1, None), (2, None), (1, 0.0), (3, None)] == counts(A, B, early, LATER)


def test_a_late_reversal_counts_for_what_arrives_after_it_and_a_late_event_before_it_does_not_know_it() -> (
    None
):
    """A window is as of its event's time."""
    late = Paid(0, 2000, -100, "r", "a")

    assert [(1, None), (2, None), (3, None), (2, 1.0), (3, None)] == counts(
        A, B, LATER, late, Paid(0, 9500, 1, "y")
    )
    assert [(1, None), (2, None), (2, 1.0), (3, None)] == counts(A, B, late, Paid(0, 1500, 1, "y"))


def test_what_is_further_back_than_the_longest_window_is_unknown() -> None:
    """It is in no window any more; at exactly the window's length it still is."""
    assert [(1, None), (0, 1.0)] == counts(A, Paid(0, HOUR_MS, -100, "r", "a"))
    assert [(1, None), (0, 0.0)] == counts(A, Paid(0, HOUR_MS + 1, -100, "r", "a"))
