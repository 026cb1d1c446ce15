"""Velocity features of every function and kind, against a definition written in exact fractions and lists."""

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fraudstream.domain.windows.cells import MISSING, Kind, cells
from fraudstream.domain.windows.entries import CENTS_MAX
from fraudstream.domain.windows.velocity import (
    FUNCTIONS,
    OF_NOTHING,
    OF_NUMBERS,
    Function,
    Velocity,
    Windows,
    declared,
)
from fraudstream.offline.point_in_time import Arrived, kept_values, point_in_time
from fraudstream.tables.activity_batch import Arrivals
from fraudstream.tables.activity_layout import Clock
from fraudstream.tables.aggregating import aggregate

START_MS = 1_580_688_000_000
ALLOWED_LATENESS_MS = 3_600_000
KINDS: tuple[Kind, ...] = ("integer", "float", "boolean", "timestamp", "string")
LENGTHS_MS = (60_000, 600_000, 5_400_000, 86_400_000)


class Paid(NamedTuple):
    """An event of one of two entities; `values` are those of `KINDS`, in order."""

    entity: int
    after_ms: int
    cents: int
    tid: int
    values: tuple[Any, ...]


def every_velocity() -> list[Velocity]:
    """Return a feature of every function, of everything it can be of, each in two windows."""
    found = []
    for function in FUNCTIONS:
        for kind in ("amount", *KINDS):
            if (function in OF_NOTHING and kind != "amount") or (kind == "string" and function in OF_NUMBERS):
                continue
            for length_ms in LENGTHS_MS[len(found) % 3 :: 2]:
                of = "" if function in OF_NOTHING else kind
                found.append(declared(f"{function}_{kind}_{length_ms}", function, length_ms, of, kind))
    return found


WINDOWS = Windows(every_velocity(), decimals=2)
VALUES = st.tuples(
    st.none() | st.integers(-3, 3) | st.sampled_from([2**62, -(2**62), 2**53 + 1]),
    st.none() | st.sampled_from([0.1, 0.2, 0.3, -0.0, 0.0, 1e16, -1e16, 1e308, 1.5]),
    st.none() | st.booleans(),
    st.none() | st.integers(0, 3),
    st.none() | st.sampled_from(["a", "b", "c"]),
)


@st.composite
def streams(draw: st.DrawFn) -> list[Paid]:
    """Draw events of two entities in order of arrival: ties, edges of every window, late ones, refunds, repetitions."""
    steps = st.tuples(
        st.integers(0, 1),
        st.sampled_from([0, 0, 1, 1000, 60_000, 60_001, 600_000, 600_001, 5_400_000, 86_400_000, 86_400_001]),
        st.integers(-2, 20) | st.sampled_from([CENTS_MAX, CENTS_MAX - 1]),
        st.sampled_from([0, 0, 0, 0, 0, 1, 60_000, 700_000]),
        VALUES,
        st.integers(0, 9),
    )
    now_ms, stream = 0, list[Paid]()
    for entity, step_ms, cents, delay_ms, values, again in draw(st.lists(steps, max_size=40)):
        now_ms += step_ms
        if again == 0 and stream and stream[-1].after_ms == now_ms:
            stream.append(stream[-1])
        else:
            stream.append(Paid(entity, max(0, now_ms - delay_ms), cents, len(stream), values))
    return stream


def by_definition(stream: list[Paid]) -> list[list[float | None]]:
    """Answer every event by the sentence of docs/event-types.md, in exact fractions."""
    answers: list[list[float | None]] = []
    for place, own in enumerate(stream):
        first = next(number for number, paid in enumerate(stream) if paid.tid == own.tid)
        if first < place:
            answers.append(answers[first])
            continue
        before = [
            paid
            for number, paid in enumerate(stream[:place])
            if paid.entity == own.entity and paid.cents >= 0 and stream.index(paid) == number
        ]
        newest = [paid.after_ms for paid in stream[:place]]
        late_ms = max(0, max(newest, default=0) - own.after_ms)
        assert late_ms <= ALLOWED_LATENESS_MS
        answers.append([defined(velocity, before, own) for velocity in WINDOWS.velocities])
    return answers


def value_of(velocity: Velocity, paid: Paid) -> Any:
    """Return what a feature is of."""
    return paid.cents if velocity.kind == "amount" else paid.values[KINDS.index(velocity.kind)]


def defined(velocity: Velocity, before: list[Paid], own: Paid) -> float | None:
    """Return one feature of one event."""
    others = [paid for paid in before if 0 <= own.after_ms - paid.after_ms <= velocity.window_ms]
    window = others + [own] * (own.cents >= 0)
    units = 100 if velocity.kind == "amount" else 1
    newest = max(others, key=lambda paid: paid.after_ms) if others else None
    newest = max(
        (paid for paid in others if newest and paid.after_ms == newest.after_ms),
        key=before.index,
        default=None,
    )
    match velocity.function:
        case "count":
            return len(window)
        case "seconds_since_previous":
            return (own.after_ms - newest.after_ms) / 1000 if newest else velocity.window_ms / 1000 + 1
        case "last":
            last = value_of(velocity, newest) if newest else None
            return None if last is None else float(last) / units
        case "same_share":
            mine = value_of(velocity, own)
            same = [paid for paid in window if value_of(velocity, paid) == mine]
            return None if mine is None or not window else len(same) / len(window)
    values = [value for paid in window if (value := value_of(velocity, paid)) is not None]
    if velocity.function == "distinct":
        return len(set(values))
    return of_numbers(velocity.function, values, units, velocity.kind)


def of_numbers(function: Function, values: list[Any], units: int, kind: Kind) -> float | None:
    """Return sum, mean, min or max; a sum is exact and rounded once to a float."""
    if function in ("min", "max"):
        return float(sorted(values)[0 if function == "min" else -1]) / units if values else None
    exact = sum((Fraction(value) for value in values), Fraction(0))
    try:
        total = float(exact)
    except OverflowError:
        return None
    if function == "sum":
        return total / units
    if not values:
        return 0.0 if kind == "amount" else None
    return total / (len(values) * units)


def arrivals(stream: list[Paid], first: int) -> Arrivals:
    """Return events as the decider hands them over."""
    names = [KINDS.index(value.kind) for value in WINDOWS.layout.values]
    return Arrivals(
        {0: len(stream)},
        [bytes([paid.entity]) * 16 for paid in stream],
        [START_MS + paid.after_ms for paid in stream],
        [paid.cents for paid in stream],
        [paid.tid for paid in stream],
        list(range(first, first + len(stream))),
        [cells(KINDS[place], [paid.values[place] for paid in stream]) for place in names],
    )


def streamed(stream: list[Paid], rows: int) -> list[list[float | None]]:
    """Return what a worker answers, in micro-batches of so many rows."""
    buckets: dict[bytes, bytes] = {}
    clock = Clock()
    answers: list[list[float | None]] = []

    def read(_partition: int, keys: list[bytes]) -> dict[bytes, bytes]:
        return {key: buckets[key] for key in keys if key in buckets}

    for first in range(0, len(stream), rows):
        batch = arrivals(stream[first : first + rows], first)
        seen = aggregate(WINDOWS, batch, {0: clock}, read, ALLOWED_LATENESS_MS)
        buckets.update(seen.updates[0].buckets)
        clock = seen.updates[0].clock
        columns = [np.where(np.isnan(column), None, column).tolist() for column in seen.windows]
        answers += [list(row) for row in zip(*columns, strict=True)]
    return answers


def in_batch(stream: list[Paid]) -> list[list[float | None]]:
    """Return what training sees, of a history."""
    dtypes = dict(zip(KINDS, (pl.Int64, pl.Float64, pl.Boolean, pl.Int64, pl.String), strict=True))
    rows = [paid.values for paid in stream]
    history = pl.DataFrame(rows, dtypes, orient="row")
    entity, after_ms, cents, tid = np.array([paid[:4] for paid in stream], np.int64).reshape(-1, 4).T
    known = point_in_time(
        Arrived(
            entity,
            START_MS + after_ms,
            cents,
            tid.astype(np.uint64),
            np.zeros(len(stream), np.int64),
            kept_values(history, WINDOWS.layout),
        ),
        ALLOWED_LATENESS_MS,
        WINDOWS,
    )
    return [list(row) for row in known.select(each.column.name for each in WINDOWS.velocities).rows()]


BUSY = [
    Paid(0, 1000 * number, 100 + number, number, (number, 0.1 * number, True, 1, "a")) for number in range(40)
]


@given(streams(), st.sampled_from([1, 7, 100]))
@example(BUSY, 100)
@example(BUSY, 30)
def test_stream_and_batch_answer_every_feature_as_defined(stream: list[Paid], rows: int) -> None:
    """Whatever the size of micro-batches, in order or not, with missing values, refunds and numbers of every size."""
    expected = by_definition(stream)

    assert expected == streamed(stream, rows)
    assert expected == in_batch(stream)


#        0 s      30 s     70 s
#   a:  shop x   shop y   shop x
#   one minute of the third: y and itself
def test_different_shops_within_a_minute() -> None:
    """The window has both ends; the first is 70 s away."""
    velocity = declared("shops", "distinct", 60_000, "string", "string")
    seen = [
        Paid(0, at, 100, at, (None, None, None, None, shop))
        for at, shop in ((0, "x"), (30_000, "y"), (70_000, "x"))
    ]

    assert [1, 2, 2] == [defined(velocity, seen[:place], seen[place]) for place in range(3)]
    windows = Windows([velocity])
    batch = Arrivals(
        {0: 3},
        [bytes(16)] * 3,
        [START_MS + paid.after_ms for paid in seen],
        [100] * 3,
        [1, 2, 3],
        [0, 1, 2],
        [cells("string", ["x", "y", "x"])],
    )
    told = aggregate(windows, batch, {0: Clock()}, lambda _, keys: {}, ALLOWED_LATENESS_MS).windows[-1]
    assert [1, 2, 2] == told.tolist()


def test_entries_keep_what_declared_features_need_and_no_more() -> None:
    """A value that several features are of is kept once; amounts are there anyway; buckets are as long as the longest window."""
    plain = Windows()
    wide = Windows(
        [
            declared("a", "sum", 60_000, "amount"),
            declared("b", "distinct", 86_400_000, "shop", "string"),
            declared("c", "same_share", 3_600_000, "shop", "string"),
            declared("d", "max", 60_000, "km", "float"),
        ]
    )

    assert (32, 600_000) == (plain.layout.size, plain.layout.bucket_ms)
    assert (48, 86_400_000) == (wide.layout.size, wide.layout.bucket_ms)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("integer", 7),
        ("integer", -(2**63) + 1),
        ("float", 0.1),
        ("boolean", True),
        ("string", "x"),
        ("string", 5),
    ],
)
def test_no_value_is_taken_for_a_missing_one(kind: Kind, value: Any) -> None:
    """Nor two different ones for the same."""
    kept, missing = cells(kind, [value, None])

    assert MISSING == missing != kept
