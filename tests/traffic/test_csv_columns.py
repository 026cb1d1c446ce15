"""Replaying CSV files whose columns have other names, and what they say of fraud."""

from pathlib import Path

import msgspec
import pytest

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings
from fraudstream.traffic.csv_file import CsvColumns, read_csv
from fraudstream.traffic.encoder import Encoder
from fraudstream.traffic.payments import Frame
from fraudstream.traffic.plan import Plan, batches, prepared
from fraudstream.traffic.replay import opened

CARD = event_type_named("card")
NAMES = {"cc_num": "card_number", "amount": "amt", "event_time": "booked", "is_fraud": "fraud"}
HEADER = "card_number,amt,booked,fraud,branch,tid"
LINE = "4000000000000002,12.50,2020-01-26T00:53:20Z,{},Berlin,a{}"


def read(
    directory: Path, *lines: str, labels: bool = False, **names: str
) -> tuple[Frame, list[tuple[int, str]]]:
    """Write a file, read it, and return its payments with line and reason of the bad rows."""
    path = directory / "payments.csv"
    path.write_text("\n".join(lines) + "\n")
    payments, bad = read_csv(path, CARD, columns=CsvColumns(names, labels))
    return payments, [(row.line, row.reason) for row in bad]


def test_columns_are_what_they_are_told_to_be_and_the_others_are_left_out(tmp_path: Path) -> None:
    """As `history import` understands the same option."""
    payments, bad = read(tmp_path, HEADER, LINE.format(1, 1), **NAMES)

    assert [] == bad
    assert [("a1", "4000000000000002", 12.5, 1_580_000_000_000, None, None)] == payments.frame.rows()


def test_a_column_that_is_told_goes_before_one_that_has_our_name(tmp_path: Path) -> None:
    """Their amount may be something else than ours."""
    header = "cc_num,amount,charged,trans_ts"

    payments, _ = read(tmp_path, header, "4000000000000002,1,2,1580000000", amount="charged")

    assert [2.0] == payments.frame["amount"].to_list()


def test_the_labels_of_a_csv_file_are_sent(tmp_path: Path) -> None:
    """Yes, no, and nothing where nobody knows; without --labels they are not even read."""
    lines = (HEADER, *(LINE.format(word, number) for number, word in enumerate(["yes", "0", ""])))
    payments, bad = read(tmp_path, *lines, labels=True, **NAMES)
    plan = Plan(speed=None, labels=True)

    batch = next(batches(prepared(payments, plan), plan, Encoder(CARD, 1), 0, 0))

    assert [] == bad
    assert [("a0", True), ("a1", False), ("a2", None)] == [
        (label["transaction_id"], label["fraud"])
        for label in (msgspec.json.decode(message.value or b"") for _, message in batch.labels)
    ]
    assert "is_fraud" not in read(tmp_path, *lines, **NAMES)[0].frame.columns


def test_a_label_nobody_knows_is_a_bad_row_if_labels_are_sent(tmp_path: Path) -> None:
    """It is not taken for "no fraud"."""
    lines = (HEADER, LINE.format("maybe", 1))

    assert [(2, "invalid-label")] == read(tmp_path, *lines, labels=True, **NAMES)[1]
    assert [] == read(tmp_path, *lines, **NAMES)[1]


def test_labels_that_are_not_there_are_one_sentence(tmp_path: Path) -> None:
    """For CSV as for Parquet."""
    payments, _ = read(tmp_path, "cc_num,amount,trans_ts", "4000000000000002,1,1580000000", labels=True)

    with pytest.raises(SetupError, match="have no labels"):
        prepared(payments, Plan(labels=True))


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ({"cc_nun": "card_number"}, "payments have no cc_nun; did you mean cc_num"),
        ({"cc_num": "card_numer"}, "has no card_numer; did you mean card_number"),
        ({}, "map other names with --column, e.g. --column cc_num=card_number"),
    ],
)
def test_names_that_do_not_fit_are_one_sentence(names: dict[str, str], sentence: str, tmp_path: Path) -> None:
    """With the one that was meant."""
    with pytest.raises(SetupError, match=sentence):
        read(tmp_path, HEADER, LINE.format(1, 1), **names)


def test_columns_of_parquet_are_named_when_it_is_imported(tmp_path: Path) -> None:
    """A replay reads it as a history is."""
    with pytest.raises(SetupError, match="fraudstream history import"):
        opened(tmp_path / "mine.parquet", Settings(), columns=CsvColumns(NAMES))
