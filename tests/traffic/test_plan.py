"""A history sent again: when each payment is due, in which order, from where."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.errors import SetupError
from fraudstream.traffic.encoder import EncodedBatch, Encoder
from fraudstream.traffic.payments import CHUNK_ROWS, Frame, ParquetFiles
from fraudstream.traffic.plan import Plan, batches, check_times, prepared

MIDNIGHT_MS = 1_780_012_800_000
DAY_ROWS = CHUNK_ROWS + 1000
GAP_MS = 2000


def paid(first: int, count: int) -> pl.DataFrame:
    """Return payments number `first` and on, two seconds apart."""
    number = np.arange(first, first + count)
    return pl.DataFrame(
        {
            "tid": number,
            "cc_num": 4_000_000_000_000_000 + number % 50,
            "amount": number / 100.0,
            "event_time": MIDNIGHT_MS + number * GAP_MS,
            "merchant": ["Mill Bakery"] * count,
            "zip_code": ["01001"] * count,
        }
    )


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Return a history of two days, each longer than one batch."""
    for day in range(2):
        directory = tmp_path / f"date=2026-06-0{day + 1}"
        directory.mkdir()
        paid(day * DAY_ROWS, DAY_ROWS).write_parquet(directory / "payments.parquet")
    return tmp_path


def played(path: Path, plan: Plan, first_row: int = 0, shift_ms: int = 0) -> list[EncodedBatch]:
    """Return the batches of a replay."""
    payments = prepared(ParquetFiles.of(path, event_type_named("card")), plan)
    return list(batches(payments, plan, Encoder(event_type_named("card"), 4), shift_ms, first_row))


def ids(sent: list[EncodedBatch]) -> list[int]:
    """Return the transaction ids in the order of sending."""
    return [
        int(message.value.split(b'"tid":')[1].split(b",")[0]) for batch in sent for message in batch.messages
    ]


def due(sent: list[EncodedBatch]) -> list[float]:
    """Return when each payment is due."""
    return [float(second) for batch in sent if batch.due_s is not None for second in batch.due_s]


def test_in_order_means_day_after_day_as_it_arrived(history: Path) -> None:
    """Files, batches and rows follow each other without a gap."""
    assert list(range(2 * DAY_ROWS)) == ids(played(history, Plan()))


#   payments  0    2    4    6 s ...     speed 4: 0  0.5  1  1.5 s ...
def test_speed_divides_the_pauses(history: Path) -> None:
    """At speed 4 an hour takes a quarter of one, over the borders of files too."""
    seconds = due(played(history, Plan(speed=4)))

    assert [0.0, 0.5, 1.0, 1.5] == seconds[:4]
    assert (2 * DAY_ROWS - 1) * 0.5 == seconds[-1]


def test_as_fast_as_possible_has_no_schedule(history: Path) -> None:
    """`--speed max` is not a very large factor."""
    assert [None] * 4 == [batch.due_s for batch in played(history, Plan(speed=None))]


@pytest.mark.parametrize(
    "first_row", [0, 1, CHUNK_ROWS, DAY_ROWS - 1, DAY_ROWS, DAY_ROWS + 5, 2 * DAY_ROWS - 1]
)
def test_a_replay_goes_on_at_any_row(history: Path, first_row: int) -> None:
    """The first payment of the rest is due at once."""
    rest = played(history, Plan(), first_row)

    assert list(range(first_row, 2 * DAY_ROWS)) == ids(rest)
    assert 0.0 == due(rest)[0]


def test_shuffled_is_the_same_payments_at_the_same_pace(history: Path) -> None:
    """Only which payment leaves when is random."""
    in_order, shuffled = played(history, Plan()), played(history, Plan(shuffle_seed=7))

    assert ids(in_order) != ids(shuffled)
    assert ids(in_order) == sorted(ids(shuffled))
    assert due(in_order) == due(shuffled)


def test_a_shuffled_replay_goes_on_in_the_same_order(history: Path) -> None:
    """The seed is the order: what was sent before the crash is not drawn again."""
    whole, rest = (ids(played(history, Plan(shuffle_seed=7), first)) for first in (0, 9000))

    assert whole[9000:] == rest
    assert whole != ids(played(history, Plan(shuffle_seed=8)))


@pytest.mark.parametrize(("end", "moved_ms"), [("first", 0), ("last", (2 * DAY_ROWS - 1) * GAP_MS)])
def test_times_move_so_that_one_end_is_now(history: Path, end: str, moved_ms: int) -> None:
    """All times move by the same amount."""
    now_ms = MIDNIGHT_MS + 10**9
    shift_ms = Plan(shift_to_now=end).shift_ms(ParquetFiles.of(history, event_type_named("card")), now_ms)  # type: ignore[arg-type]
    value = played(history, Plan(), shift_ms=shift_ms)[0].messages[0].value

    assert 10**9 - moved_ms == shift_ms
    assert f'"trans_ts":{(MIDNIGHT_MS + shift_ms) / 1000}'.encode() in value


def test_payments_from_the_future_are_refused_before_any_is_sent(history: Path) -> None:
    """Starting now at sixty times the speed runs ahead of the clock; the worker would refuse them one by one."""
    payments = ParquetFiles.of(history, event_type_named("card"))
    hasty, patient = (Plan(speed=speed, shift_to_now="first") for speed in (60.0, 1.0))
    shift_ms = hasty.shift_ms(payments, MIDNIGHT_MS)

    check_times(patient, payments, shift_ms, MIDNIGHT_MS, 0)
    with pytest.raises(SetupError, match="--shift-to-now last"):
        check_times(hasty, payments, shift_ms, MIDNIGHT_MS, 600_000)


def test_a_payment_that_arrived_late_leaves_late() -> None:
    """Order of arrival wins over event time, and nothing waits for a moment that has passed."""
    late = Frame(paid(0, 4)[[0, 2, 1, 3]], "f")
    sent = list(batches(late, Plan(), Encoder(event_type_named("card"), 4), 0, 0))

    assert [0, 2, 1, 3] == ids(sent)
    assert [0.0, 4.0, 4.0, 6.0] == due(sent)


def test_an_archive_without_card_numbers_cannot_be_replayed(tmp_path: Path) -> None:
    """It says why, instead of sending tokens as if they were numbers."""
    paid(0, 3).rename({"cc_num": "card"}).write_parquet(tmp_path / "archive.parquet")

    with pytest.raises(SetupError, match="an archive holds card tokens"):
        ParquetFiles.of(tmp_path / "archive.parquet", event_type_named("card"))
