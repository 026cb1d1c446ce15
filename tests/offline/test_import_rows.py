"""Rows of other people's files: each is a payment, or on a list with line and reason."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.offline import import_files
from fraudstream.offline.importing import import_history
from fraudstream.offline.written_times import Times
from tests.builders import DINARS, YEN
from tests.offline.importing_of import (
    GOOD,
    HEADER,
    JUDGE,
    bad_rows,
    csv_of,
    import_request,
    imported,
    rows_in,
)

BAD: dict[str, tuple[str, str, str]] = {
    "no card": (",1,2020-01-26,0", "no-card", "card_number is empty"),
    "a card of eight digits": (
        "40000000,1,2020-01-26,0",
        "invalid-card",
        "card_number is not 12 to 19 digits",
    ),
    "a card as a float": ("4.000000000000002e15,1,2020-01-26,0", "invalid-card", "is not 12 to 19 digits"),
    "no amount": ("4000000000000002,,2020-01-26,0", "no-amount", "amt is empty"),
    "an amount in words": ("4000000000000002,three,2020-01-26,0", "invalid-amount", "amt 'three'"),
    "not a number": ("4000000000000002,nan,2020-01-26,0", "invalid-amount", "amt 'nan'"),
    "millions": (
        "4000000000000002,1e9,2020-01-26,0",
        "amount-absurd",
        "is not between -10,000,000.00 and 10,000,000.00",
    ),
    "a tenth of a cent": (
        "4000000000000002,0.005,2020-01-26,0",
        "amount-decimals",
        "more than the 2 decimals",
    ),
    "no time": ("4000000000000002,1,,0", "no-time", "ts is empty"),
    "a time in words": ("4000000000000002,1,26/01/2020,0", "invalid-time", "ts '26/01/2020'"),
    "a clock at its start": ("4000000000000002,1,1970-01-01,0", "time-ancient", "lies before the year 2000"),
    "tomorrow": ("4000000000000002,1,2024-01-01,0", "time-in-future", "lies in the future"),
    "a label nobody knows": ("4000000000000002,1,2020-01-26,maybe", "invalid-label", "fraud 'maybe'"),
    "too few cells": ("4000000000000002,1,2020-01-26", "columns", "the row has 3 columns, the header 4"),
    "an open quote": ('4000000000000002,1,2020-01-26,"0', "quoting", "a quote is not closed"),
}


@pytest.mark.parametrize(("line", "reason", "detail"), BAD.values(), ids=BAD)
def test_a_bad_row_is_listed_with_line_and_reason_and_the_others_are_imported(
    line: str, reason: str, detail: str, tmp_path: Path
) -> None:
    """Nothing is repaired, guessed or dropped without a word; the card number is not repeated."""
    found = bad_rows(tmp_path, HEADER, GOOD, line)

    assert [(3, reason)] == [row[:2] for row in found]
    assert detail in found[0][2]
    assert "4000000000000002" not in found[0][2]
    assert 1 == rows_in(tmp_path / "history").height


def test_batches_end_anywhere_and_lines_are_still_counted_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cell may hold line ends; a file may be larger than a batch."""
    monkeypatch.setattr(import_files, "BATCH_ROWS", 2)
    lines = [HEADER + ",merchant", *[GOOD + ',"a\nb"'] * 5, "x,1,2020-01-26,0,c", GOOD + ",d"]

    found = bad_rows(tmp_path, *lines)

    assert [(12, "invalid-card")] == [row[:2] for row in found]
    assert ["a\nb"] * 5 + ["d"] == rows_in(tmp_path / "history")["merchant"].to_list()


def test_a_refund_is_what_the_event_type_says(tmp_path: Path) -> None:
    """A payment like any other, or a bad row."""
    lines = ("cc_num,amount,ts", "4000000000000002,-3,2020-01-26", "4000000000000002,3,2020-01-26")

    assert [-3.0, 3.0] == imported(tmp_path, *lines)["amount"].to_list()
    card = JUDGE.event_type
    refusing = replace(JUDGE, event_type=replace(card, money=replace(card.money, refunds="refuse")))
    (tmp_path / "refusing").mkdir()
    assert [(2, "amount-negative", "amount '-3' is not between 0.00 and 10,000,000.00")] == bad_rows(
        tmp_path / "refusing", *lines, judge=refusing
    )


@pytest.mark.parametrize(
    ("event_type", "amount", "bad"), [(YEN, 15_000_000.0, "0.5"), (DINARS, 0.005, "0.0005")]
)
def test_amounts_have_the_decimals_of_the_currency(
    tmp_path: Path, event_type: EventType, amount: float, bad: str
) -> None:
    """Yen have none, dinars three."""
    lines = ("cc_num,amount,ts", *(f"4000000000000002,{each},2020-01-26" for each in (amount, bad)))
    judge = replace(JUDGE, event_type=event_type)

    assert [(3, "amount-decimals")] == [row[:2] for row in bad_rows(tmp_path, *lines, judge=judge)]
    assert [amount] == rows_in(tmp_path / "history")["amount"].to_list()


NDJSON_BAD = {
    "not JSON": ('{"cc_num": 4', "not-json"),
    "a list": ("[1, 2]", "not-json"),
    "an object in a cell": (
        '{"cc_num": 4000000000000002, "amount": {"value": 1}, "ts": 1580000000}',
        "invalid-field",
    ),
    "a word for an amount": (
        '{"cc_num": 4000000000000002, "amount": true, "ts": 1580000000}',
        "invalid-amount",
    ),
}


@pytest.mark.parametrize(("line", "reason"), NDJSON_BAD.values(), ids=NDJSON_BAD)
def test_a_bad_line_of_ndjson_is_listed(line: str, reason: str, tmp_path: Path) -> None:
    """By its line, blank ones counted."""
    good = '{"cc_num": "4000000000000010", "amount": 1, "ts": 1580000000}'
    given = import_request(csv_of(tmp_path, good, "", line, name="mine.jsonl"), bad_rows_max=1)

    assert 1 == import_history(given, tmp_path / "history").payments

    with given.bad_rows_file.open() as text:
        assert [("3", reason)] == [(row["line"], row["reason"]) for row in csv.DictReader(text)]


def test_a_bad_row_of_parquet_is_listed_by_its_number(tmp_path: Path) -> None:
    """Rows count from 1."""
    path = tmp_path / "mine.parquet"
    pl.DataFrame(
        {"cc_num": [4000000000000002] * 2, "amount": [1.0, None], "ts": ["2020-01-26"] * 2}
    ).write_parquet(path)
    given = import_request(path, bad_rows_max=1)

    import_history(given, tmp_path / "history")

    assert "2,no-amount,amount is empty" in given.bad_rows_file.read_text()


WRITTEN: dict[str, tuple[Times, str, int | None]] = {
    "ISO 8601 without a zone": (Times(), "2020-01-26 00:53:20", 1_580_000_000_000),
    "ISO 8601 with a zone": (Times(zone="Asia/Tokyo"), "2020-01-26T01:53:20+01:00", 1_580_000_000_000),
    "in a zone": (Times(zone="Europe/Berlin"), "2020-01-26 01:53:20", 1_580_000_000_000),
    "an hour that comes twice": (Times(zone="Europe/Berlin"), "2020-10-25 02:30:00", 1_603_585_800_000),
    "an hour that is left out": (Times(zone="Europe/Berlin"), "2020-03-29 02:30:00", None),
    "a pattern": (Times(pattern="%d.%m.%Y %H:%M"), "26.01.2020 00:53", 1_579_999_980_000),
    "a pattern in a zone": (
        Times(pattern="%d.%m.%Y %H:%M", zone="Europe/Berlin"),
        "26.01.2020 01:53",
        1_579_999_980_000,
    ),
    "a pattern with a zone": (
        Times(pattern="%d.%m.%Y %H:%M %z"),
        "26.01.2020 01:53 +0100",
        1_579_999_980_000,
    ),
    "a pattern, left out": (Times(pattern="%d.%m.%Y %H:%M", zone="Europe/Berlin"), "29.03.2020 02:30", None),
    "seconds by size": (Times(), "1580000000.25", 1_580_000_000_250),
    "µs by size": (Times(), "1580000000250000", 1_580_000_000_250),
    "ms by unit": (Times(unit="ms"), "1580000000250", 1_580_000_000_250),
    "seconds by unit": (Times(unit="s"), "1580000000", 1_580_000_000_000),
    "the wrong unit": (Times(unit="ns"), "1580000000250", None),
}


@pytest.mark.parametrize(("times", "text", "expected_ms"), WRITTEN.values(), ids=WRITTEN)
def test_times_are_read_as_they_are_written(
    times: Times, text: str, expected_ms: int | None, tmp_path: Path
) -> None:
    """What is no moment, or one before there were such payments, is a bad row."""
    lines = ("cc_num,amount,ts", f"4000000000000002,1,{text}")
    judge = replace(JUDGE, times=times)

    if expected_ms is None:
        with pytest.raises(SetupError, match="1 rows are not payments"):
            imported(tmp_path, *lines, judge=judge)
    else:
        assert [expected_ms] == imported(tmp_path, *lines, judge=judge)["event_time"].to_list()


def test_timestamps_of_parquet_without_a_zone_are_in_the_zone_that_is_told(tmp_path: Path) -> None:
    """As text without one is."""
    path = tmp_path / "mine.parquet"
    pl.DataFrame({"cc_num": [4000000000000002], "amount": [1.0], "ts": ["2020-01-26 01:53:20"]}).with_columns(
        pl.col("ts").str.to_datetime()
    ).write_parquet(path)

    import_history(
        import_request(path, judge=replace(JUDGE, times=Times(zone="Europe/Berlin"))), tmp_path / "history"
    )

    assert [1_580_000_000_000] == rows_in(tmp_path / "history")["event_time"].to_list()


@pytest.mark.parametrize(
    ("values", "labels"),
    [(("C", "F"), [True, True, False, None]), (("C",), [True, False, False, None])],
)
def test_the_values_that_mean_fraud_may_be_given(
    values: Sequence[str], labels: list[bool | None], tmp_path: Path
) -> None:
    """Other values mean no fraud; an empty one means that it is not known."""
    rows = [f"4000000000000002,1,2020-01-26,{word}" for word in ("C", "F", "ok", "")]

    assert (
        labels
        == imported(tmp_path, HEADER, *rows, judge=replace(JUDGE, fraud_values=values))["is_fraud"].to_list()
    )


def test_a_token_may_stand_for_the_card_but_a_card_number_may_not_stand_for_a_token(tmp_path: Path) -> None:
    """Tokens are kept as they are, and weekly aggregates name them: a number would be kept in clear."""
    lines = ("token,amount,ts", "tok_8f3a,1,2020-01-26", "4000 0000 0000 0002,1,2020-01-26")

    found = bad_rows(tmp_path, *lines, card="token")

    assert [(3, "invalid-card", "token is a card number, not a token: name it as cc_num")] == found
    assert ["tok_8f3a"] == rows_in(tmp_path / "history")["card"].to_list()


@pytest.mark.parametrize("number", ["0400000000000002", "4000000000000000002"])
def test_card_numbers_that_whole_numbers_cannot_hold_stay_text(number: str, tmp_path: Path) -> None:
    """A leading zero, or nineteen digits: the token must be the one the stream computes."""
    assert [number] == imported(tmp_path, "cc_num,amount,ts", f"{number},1,2020-01-26")["cc_num"].to_list()
