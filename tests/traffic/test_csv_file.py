"""Payments in CSV: the worker's own parser judges each row, and a bad one is named by its line."""

import csv
from pathlib import Path

import pytest

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.traffic.csv_file import read_csv
from fraudstream.traffic.payments import Frame
from tests.builders import DINARS, YEN

CARD = event_type_named("card")
HEADER = "cc_num,amount,trans_ts,tid,merchant,zip_code"


def read(directory: Path, *lines: str, event_type: EventType = CARD) -> tuple[Frame, list[tuple[int, str]]]:
    """Write a file, read it, and return its payments with line and reason of the bad rows."""
    path = directory / "payments.csv"
    path.write_text("\n".join(lines) + "\n")
    payments, bad = read_csv(path, event_type)
    return payments, [(row.line, row.reason) for row in bad]


def test_rows_become_payments(tmp_path: Path) -> None:
    """Numbers with blanks, epoch seconds and quoted names are all fine."""
    payments, bad = read(
        tmp_path,
        HEADER,
        '4000 0000 0000 0002,12.50,1580000000.25,a1,"Bridge, Castle & Co",01001',
        "4000000000000010,3,1580000001,a2,,",
    )

    assert [] == bad
    assert [
        ("a1", "4000000000000002", 12.5, 1_580_000_000_250, "Bridge, Castle & Co", "01001"),
        ("a2", "4000000000000010", 3.0, 1_580_000_001_000, None, None),
    ] == payments.frame.rows()


@pytest.mark.parametrize(("event_type", "amount"), [(YEN, 15_000_000.0), (DINARS, 0.005)])
def test_amounts_are_sent_in_their_currency(tmp_path: Path, event_type: EventType, amount: float) -> None:
    """As they stand in the file."""
    row = f"1580000000,{amount},4000000000000002"
    payments, bad = read(tmp_path, "trans_ts,amount,cc_num", row, event_type=event_type)

    assert [] == bad
    assert [amount] == payments.frame["amount"].to_list()


def test_times_may_be_written_as_dates(tmp_path: Path) -> None:
    """The event type's other time column is as good."""
    payments, bad = read(tmp_path, "datetime,amount,cc_num", "2020-01-26T00:53:20Z,1.00,4000000000000002")

    assert [] == bad
    assert 1_580_000_000_000 == payments.frame["event_time"][0]


def test_bad_rows_are_named_by_line_and_reason(tmp_path: Path) -> None:
    """The first line is the header's; every other row is still read."""
    payments, bad = read(
        tmp_path,
        HEADER,
        "4000000000000002,12.50,1580000000,a1,,",
        "4000000000000002,twelve,1580000000,a2,,",
        "4000000000000002,nan,1580000000,a3,,",
        "4000000000000002,-5.005,1580000000,a4,,",
        "not-a-card,5,1580000000,a5,,",
        "4000000000000002,5,99999999999,a6,,",
        "4000000000000002,5,,a7,,",
        "4000000000000002,5",
        "",
        "4000000000000002,6.00,1580000000,a8,,",
    )

    assert ["a1", "a8"] == payments.frame["tid"].to_list()
    assert [
        (3, "invalid-field"),
        (4, "invalid-field"),
        (5, "amount-decimals"),
        (6, "invalid-card"),
        (7, "time-in-future"),
        (8, "no-time"),
        (9, "columns"),
    ] == bad


def test_what_is_said_of_a_bad_row_never_holds_the_card_number(tmp_path: Path) -> None:
    """It goes to a screen, perhaps to a log."""
    path = tmp_path / "payments.csv"
    path.write_text(f"{HEADER}\n4000000000000002,x,1580000000,4000000000000002,,\n4000000000000002,1,1,b,,\n")
    _, bad = read_csv(path, CARD)

    assert 2 == len(bad)
    assert not any("4000000000000002" in row.detail for row in bad)


def test_a_payment_without_id_gets_the_same_one_every_time(tmp_path: Path) -> None:
    """Sent twice after a crash, it must be the same payment to the worker."""
    rows = ("cc_num,amount,trans_ts", "4000000000000002,1.00,1580000000", "4000000000000002,1.00,1580000000")
    first, second = (read(tmp_path, *rows)[0].frame["tid"].to_list() for _ in range(2))

    assert first == second
    assert 2 == len(set(first))


def test_label_columns_are_left_out(tmp_path: Path) -> None:
    """A history exported to CSV can be replayed as it is."""
    payments, bad = read(
        tmp_path, "cc_num,amount,trans_ts,is_fraud,scenario", "4000000000000002,1.00,1580000000,True,chain"
    )

    assert [] == bad
    assert {"is_fraud", "scenario"}.isdisjoint(payments.frame.columns)


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ("card,amount,trans_ts", "lacks cc_num and has the unknown card"),
        ("cc_num,amount", "lacks trans_ts or datetime"),
        ("", "lacks cc_num, amount, trans_ts or datetime"),
    ],
)
def test_a_header_that_does_not_fit_is_one_sentence(tmp_path: Path, header: str, complaint: str) -> None:
    """Before a million rows are refused one by one."""
    with pytest.raises(SetupError, match=complaint):
        read(tmp_path, header, "4000000000000002,1.00,1580000000")


def read_bytes(
    directory: Path, content: bytes, encoding: str = "utf-8"
) -> tuple[Frame, list[tuple[int, str]]]:
    """Write a file as it stands, read it, and return its payments with line and reason of the bad rows."""
    path = directory / "payments.csv"
    path.write_bytes(content)
    payments, bad = read_csv(path, CARD, encoding)
    return payments, [(row.line, row.reason) for row in bad]


TOP = b"cc_num,amount,trans_ts,merchant\n"
GOOD = b"4000000000000002,1.00,1580000000,Shop\n"


def row(merchant: bytes) -> bytes:
    """Return a row with a merchant's name as it stands in the file."""
    return GOOD.replace(b"Shop", merchant)


LONG = b"x" * (csv.field_size_limit() + 1)


@pytest.mark.parametrize(
    ("merchant", "reason"),
    [
        ("Café".encode("latin-1"), "encoding"),
        (b"Sh\0op", "encoding"),
        (LONG, "field-too-long"),
        (b'"Shop" & Co', "quoting"),
        (b"Shop, Co", "columns"),
    ],
)
def test_a_damaged_row_is_bad_and_the_others_are_read(tmp_path: Path, merchant: bytes, reason: str) -> None:
    """Nothing is sent that is not what the file says."""
    payments, bad = read_bytes(tmp_path, TOP + GOOD + row(merchant) + GOOD)

    assert [(3, reason)] == bad
    assert ["Shop", "Shop"] == payments.frame["merchant"].to_list()


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-8"])
def test_the_encoding_may_be_named(tmp_path: Path, encoding: str) -> None:
    """For example latin-1, which spreadsheets write in many countries."""
    payments, bad = read_bytes(tmp_path, (TOP + row("Café".encode())).decode().encode(encoding), encoding)

    assert [] == bad
    assert ["Café"] == payments.frame["merchant"].to_list()


def test_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    """Excel's format CSV UTF-8 has both."""
    payments, bad = read_bytes(tmp_path, b"\xef\xbb\xbf" + (TOP + GOOD + GOOD).replace(b"\n", b"\r\n"))

    assert [] == bad
    assert ["Shop", "Shop"] == payments.frame["merchant"].to_list()


def test_a_quoted_field_may_hold_line_ends_and_its_row_is_named_by_the_first(tmp_path: Path) -> None:
    """The line a person looks for."""
    payments, bad = read_bytes(tmp_path, TOP + row(b'"Sh\nop"') + row(b'"Sh\nop",') + row(b"Caf\xe9"))

    assert [(4, "columns"), (6, "encoding")] == bad
    assert ["Sh\nop"] == payments.frame["merchant"].to_list()


@pytest.mark.parametrize("hidden", [GOOD * 3, GOOD * 10_000, row(b'"Shop"')])
def test_a_quote_that_hides_rows_refuses_the_file(tmp_path: Path, hidden: bytes) -> None:
    """--skip-bad must not leave out good payments without a word."""
    with pytest.raises(SetupError, match=r"line 3 of .* opens a quote that is not closed"):
        read_bytes(tmp_path, TOP + GOOD + row(b'"Shop') + hidden)


def test_a_quote_left_open_in_the_last_row_is_a_bad_row(tmp_path: Path) -> None:
    """It hides nothing."""
    payments, bad = read_bytes(tmp_path, TOP + GOOD + row(b'"Shop'))

    assert [(3, "quoting")] == bad
    assert 1 == payments.rows


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        (b"cc_num,amount,trans_ts,amount\n", "has amount more than once"),
        (b"cc_num,amount,trans_ts, amount \n", "has amount more than once"),
        (TOP.decode().encode("utf-16"), "not utf-8; set the file's encoding"),
        (b"cc_num,amount,trans_ts,caf\xe9\n", "not utf-8; set the file's encoding, e.g. --encoding latin-1"),
        (b'cc_num,amount,"trans_ts\n', "opens a quote that is not closed"),
    ],
)
def test_a_header_that_cannot_be_trusted_is_one_sentence(
    tmp_path: Path, header: bytes, complaint: str
) -> None:
    """Repeated or empty column names are ambiguous."""
    with pytest.raises(SetupError, match=complaint):
        read_bytes(tmp_path, header + GOOD)
