"""Point-in-time features, against a definition written differently and against the worker's own window."""

from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from hypothesis import example, given
from hypothesis import strategies as st

from fraudstream.domain.features.catalogue import FEATURE_SETS
from fraudstream.domain.labels import Label, archived_labels, encode
from fraudstream.domain.windows.entity_window import EntityWindow
from fraudstream.domain.windows.entries import CENTS_MAX, Entry
from fraudstream.domain.windows.velocity import BUILT_IN, CARD_WINDOWS
from fraudstream.offline.dataset import Dataset, features_of
from fraudstream.offline.point_in_time import Arrived, point_in_time

DAY_S = 86_400
MONDAY_MS = 1_580_688_000_000
FAR_MS = 10**12
"""An allowed lateness nothing reaches."""


class Paid(NamedTuple):
    """A payment; `at_ms` counts from a Monday's midnight."""

    card: int
    at_ms: int
    cents: int


def known_at(payments: list[Paid]) -> list[dict[str, Any]]:
    """Return what the vectorised code knows at each payment."""
    columns = np.array(payments, dtype=np.int64).reshape(-1, 3).T
    known = point_in_time(Arrived.of(columns[0], MONDAY_MS + columns[1], columns[2]))
    return known.drop("late_by_ms", "counted", "conflict").to_dicts()


def defined(payments: list[Paid], number: int) -> dict[str, Any]:
    """Return the same by the definition: look at every payment there is."""
    own = payments[number]
    before = [
        paid
        for paid in payments[: number + 1]
        if paid.card == own.card and own.at_ms - 600_000 <= paid.at_ms <= own.at_ms
        if paid.cents >= 0
    ]
    others = before[:-1] if own.cents >= 0 else before
    midnight = own.at_ms // (DAY_S * 1000) * DAY_S * 1000
    week = [
        paid.cents
        for paid in payments
        if paid.card == own.card and midnight - 7 * DAY_S * 1000 <= paid.at_ms < midnight
        if paid.cents >= 0
    ]
    return {
        "num_trans_last_10m": len(before),
        "avg_amt_last_10m": sum(paid.cents for paid in before) / (max(len(before), 1) * 100),
        "seconds_since_previous": min((own.at_ms - paid.at_ms for paid in others), default=601_000) / 1000,
        "num_trans_last_1m": sum(paid.at_ms >= own.at_ms - 60_000 for paid in before),
        "num_trans_last_1w": len(week),
        "avg_amt_last_1w": sum(week) / (len(week) * 100) if week else 0.0,
    }


# Edges of the minute, the ten minutes and the week come up all the time, and so do ties.
STEPS_MS = st.sampled_from(
    [0, 0, 1, 1500, 60_000, 60_001, 599_999, 600_000, 600_001, DAY_S * 1000, 6 * DAY_S * 1000]
)
CENTS = st.integers(-CENTS_MAX, CENTS_MAX)


@st.composite
def histories(draw: st.DrawFn, *, late: bool) -> list[Paid]:
    """Draw payments of three cards, in order of time or with some that arrive late."""
    steps = draw(st.lists(st.tuples(st.integers(0, 2), STEPS_MS, CENTS, st.integers(0, 5)), max_size=25))
    now_ms, payments = 0, []
    for card, step_ms, cents, lateness in steps:
        now_ms += step_ms
        delay_ms = (0, 0, 0, 1, 60_000, 700_000)[lateness] if late else 0
        payments.append(Paid(card, max(now_ms - delay_ms, 0), cents))
    return payments


@given(histories(late=False))
def test_features_equal_their_definition(payments: list[Paid]) -> None:
    """Binary searches give the same answers as looking at every payment."""
    assert [defined(payments, number) for number in range(len(payments))] == known_at(payments)


@given(histories(late=True))
@example([Paid(0, 700_000, 1), Paid(0, 100_000, 2), Paid(0, 700_000, 4), Paid(0, 100_000, 8)])
def test_what_arrived_later_is_not_known_yet_though_it_happened_earlier(payments: list[Paid]) -> None:
    """Training must not see a late payment before the worker did."""
    assert [defined(payments, number) for number in range(len(payments))] == known_at(payments)


@given(histories(late=True))
def test_training_sees_what_the_worker_sees(payments: list[Paid]) -> None:
    """The worker's own window, fed with the same payments, gives the same numbers."""
    windows = [EntityWindow(CARD_WINDOWS, [], FAR_MS) for _ in range(3)]
    observed = [
        windows[paid.card].add(Entry(MONDAY_MS + paid.at_ms, paid.cents, 0, number, number)).numbers
        for number, paid in enumerate(payments)
    ]

    names = [velocity.column.name for velocity in BUILT_IN]
    assert observed == [[row[name] for name in names] for row in known_at(payments)]


#      Mon        Tue        Wed ...              next Mon
#   ───|──── a ───|── b ─────|──────────────────────|── c
#      |             asked at b: a, as of Tuesday's midnight
#      |<────────── the week asked at c: a and b ──>|
def test_the_week_ends_with_the_last_midnight_and_is_seven_days_long() -> None:
    """What happened since midnight the nightly job cannot know; what is older than seven days does not count."""
    a, b = Paid(0, 0, 1000), Paid(0, DAY_S * 1000 + 1, 3000)
    next_monday, next_tuesday = Paid(0, 7 * DAY_S * 1000, 1), Paid(0, 8 * DAY_S * 1000, 1)

    weeks = [
        (row["num_trans_last_1w"], row["avg_amt_last_1w"])
        for row in known_at([a, b, next_monday, next_tuesday])
    ]

    assert [(0, 0.0), (1, 10.0), (2, 20.0), (2, (3000 + 1) / 200)] == weeks


def test_a_dataset_reads_numbers_and_tokens_and_keeps_the_order_of_arrival(tmp_path: Path) -> None:
    """A history may begin simulated and go on archived; a file without labels has none."""
    write_day(tmp_path, "2020-02-03", cc_num=[4, 5, 4], event_time=[0, 1, 2], is_fraud=[False, False, True])
    write_day(tmp_path, "2020-02-04", card=["ab", "ab"], event_time=[DAY_S * 1000, DAY_S * 1000 + 5])

    frame = Dataset.of_history(tmp_path).frame

    assert [1, 1, 2, 1, 2] == frame["num_trans_last_10m"].to_list()
    assert [False, False, True, None, None] == frame["is_fraud"].to_list()
    assert all(earlier <= later for earlier, later in pairwise(frame["event_time"]))


def test_payments_before_the_cut_have_the_labels_that_were_known_then(tmp_path: Path) -> None:
    """Monday's chargeback became known on Friday: a model of Wednesday learns that the payment was legitimate, as a review said."""
    cut_ms, friday_ms = MONDAY_MS + 2 * DAY_S * 1000, MONDAY_MS + 4 * DAY_S * 1000
    ids = {"card": ["a", "b", "c"], "transaction_id": ["p1", "p2", "p3"]}
    write_day(tmp_path, "2020-02-03", event_time=[0, 1, 3 * DAY_S * 1000], **ids)
    told = [
        Label("p1", False, MONDAY_MS, "review"),
        Label("p1", True, friday_ms, "chargeback"),
        Label("p2", True, friday_ms, "chargeback"),
        Label("p3", True, friday_ms, "chargeback"),
    ]
    (tmp_path / "labels" / "date=2020-02-03").mkdir(parents=True)
    labels = archived_labels([encode(label) for label in told], [0, 1, 2, 3])
    labels.write_parquet(tmp_path / "labels" / "date=2020-02-03" / "0.parquet")

    now = Dataset.of_history(tmp_path).frame
    then = Dataset.of_history(tmp_path, labels_cut_ms=cut_ms).frame

    assert [True, True, True] == now["is_fraud"].to_list()
    assert [False, None, True] == then["is_fraud"].to_list()


def test_features_come_from_the_domain(tmp_path: Path) -> None:
    """The frame of a dataset is all that the domain's expressions need."""
    write_day(tmp_path, "2020-02-03", cc_num=[4, 4], event_time=[0, 1500], is_fraud=[False, True])

    described = features_of(Dataset.of_history(tmp_path).frame, FEATURE_SETS["card"])

    assert [601.0, 1.5] == described["seconds_since_previous"].to_list()
    assert [10.0, 10.0] == described["amount"].to_list()


def write_day(history: Path, day: str, **columns: list[Any]) -> None:
    """Write a day's payments of 10.00 each; times count from the Monday's midnight."""
    folder = history / f"date={day}"
    folder.mkdir(parents=True)
    frame = pl.DataFrame(columns).with_columns(pl.col("event_time") + MONDAY_MS, amount=pl.lit(10.0))
    frame.write_parquet(folder / "payments.parquet")
