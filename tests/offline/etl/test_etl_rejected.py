"""Bad rows of raw files: each is on a list with line and reason, and no other row is lost."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.offline import import_files
from fraudstream.offline.etl import make
from tests.offline.etl.making import (
    made,
    nothing_in,
    raw_file,
    refused,
    rejected,
    row,
    rows,
    train_and_test,
)

BAD: dict[str, tuple[dict[str, str], str, str, str]] = {
    "no label": ({"is_fraud": ""}, "no-label", "is_fraud", ""),
    "NaN label": ({"is_fraud": "NaN"}, "invalid-label", "is_fraud", "NaN"),
    "a label nobody knows": ({"is_fraud": "2"}, "invalid-label", "is_fraud", "2"),
    "amount in words": ({"amt": "twelve"}, "invalid-amount", "amt", "twelve"),
    "decimal comma": ({"amt": '"12,5"'}, "invalid-amount", "amt", "12,5"),
    "not a number": ({"lat": "north"}, "invalid-lat", "lat", "north"),
    "fraction of a person": ({"city_pop": "3.5"}, "invalid-city_pop", "city_pop", "3.5"),
    "no such day": ({"trans_date_trans_time": "2019-02-29 10:00:00"}, "invalid-time", "trans_date_trans_time", "2019-02-29 10:00:00"),
    "no card": ({"cc_num": ""}, "no-card", "cc_num", ""),
    "half a card": ({"cc_num": "40000000"}, "invalid-card", "cc_num", ""),
    "long": ({"amt": "x" * 100}, "invalid-amount", "amt", "x" * 40),
    "a card as amount": ({"amt": "4000000000000002"}, "amount-absurd", "amt", "***"),
}  # fmt: skip


@pytest.mark.parametrize(("cells", "reason", "column", "value"), BAD.values(), ids=BAD)
def test_a_bad_row_is_rejected_with_line_column_value_and_reason(
    tmp_path: Path, cells: dict[str, str], reason: str, column: str, value: str
) -> None:
    """Rows in = rows out + rejected; no card number is shown, in the list, the table or the row."""
    raw = raw_file(tmp_path / "raw.csv", *rows(10), row(10, **cells))
    said = made(tmp_path / "out", raw, "--rejected-max", 1)
    (bad,) = rejected(tmp_path / "out")

    assert ("12", reason, column, value) == (bad["line"], bad["reason"], bad["column"], bad["value"])
    assert (11, 1) == (said["rows"], said["rejected"])
    assert 10 == train_and_test(tmp_path / "out").height
    assert '"job": "Psychologist, counselling"' in bad["row"]
    assert "4000000000000002" not in str(bad)


def test_a_row_of_other_width_and_bytes_that_are_no_text_are_rejected(tmp_path: Path) -> None:
    """Rows around them stay."""
    raw = raw_file(tmp_path / "raw.csv", *rows(10), "only,three,cells", row(11, city="Z%rich"))
    raw.write_bytes(raw.read_bytes().replace(b"Z%rich", b"Z\xfcrich"))
    made(tmp_path / "out", raw, "--rejected-max", 1)

    assert [("12", "columns"), ("13", "encoding")] == [
        (bad["line"], bad["reason"]) for bad in rejected(tmp_path / "out")
    ]
    assert 10 == train_and_test(tmp_path / "out").height


def test_a_row_of_other_width_is_listed_with_its_cells_and_without_card_numbers(tmp_path: Path) -> None:
    """An unquoted comma moves all cells behind it, so nobody knows which one is the card; bytes that are no text are marked."""
    wide = row(10, merchant="Kirlin, Sons and 4000-0000-0000-0002", job="x" * 50)
    broken = row(11, city="Z%rich", street="card 0000 0000 0024")
    raw = raw_file(tmp_path / "raw.csv", *rows(10), wide, broken)
    raw.write_bytes(raw.read_bytes().replace(b"Z%rich", b"Z\xfcrich"))
    made(tmp_path / "out", raw, "--rejected-max", 1)
    cells, others = (json.loads(bad["row"]) for bad in rejected(tmp_path / "out"))

    assert ["10", "2020-01-01 00:10:00", "***", "Kirlin", " Sons and ***", "misc_net"] == cells[:6]
    assert "x" * 40 in cells
    assert 24 == len(cells)
    assert ("card ***", "Z?rich") == (others[9], others[10])


def test_more_garbage_than_allowed_makes_nothing_and_says_the_most_frequent_fault(tmp_path: Path) -> None:
    """A tenth of the rows; the list of all is beside the directory."""
    raw = raw_file(
        tmp_path / "raw.csv",
        *(row(number, **({"amt": "?"} if number % 10 == 9 else {})) for number in range(100)),
    )
    said = refused(raw, "--out", tmp_path / "out")

    assert (
        f"10 of 100 rows were rejected, 10.0%, and nothing was made; 10 as line 11 of {raw}: amt '?'" in said
    )
    assert nothing_in(tmp_path, "raw.csv", "out.rejected.csv")
    assert 10 == len(rejected(tmp_path / "out"))
    allowed = made(tmp_path / "out", raw, "--rejected-max", 0.1)
    assert (100, 10) == (allowed["rows"], allowed["rejected"])


HINTS: dict[str, tuple[str, str, str, str]] = {
    "local": ("trans_date_trans_time", "31.12.2019 13:05", "--time-format '%d.%m.%Y %H:%M' reads such values", ""),
    "American": ("trans_date_trans_time", "12/31/2019 1:05 PM", "--time-format '%m/%d/%Y %I:%M %p' reads such values", ""),
    "day or month": ("trans_date_trans_time", "01/02/2020 13:05", "'%d/%m/%Y %H:%M' or '%m/%d/%Y %H:%M' reads such", "which is the day"),
    "decimal comma": ("amt", '"1.234,50"', "--decimal-comma reads such values", "'1.234,50'"),
}  # fmt: skip


@pytest.mark.parametrize(("column", "value", "said", "also"), HINTS.values(), ids=HINTS)
def test_the_option_that_would_read_the_values_is_said(
    tmp_path: Path, column: str, value: str, said: str, also: str
) -> None:
    """And not guessed: which of two numbers is the day, a file may not tell."""
    raw = raw_file(tmp_path / "raw.csv", *(row(number, **{column: value}) for number in range(10)))
    sentence = refused(raw, "--out", tmp_path / "out")

    assert said in sentence
    assert also in sentence


def test_a_file_without_any_event_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its columns or the options are wrong, whatever follows."""
    monkeypatch.setattr(import_files, "BATCH_ROWS", 50)
    monkeypatch.setattr(make, "HOPELESS_ROWS", 100)
    raw = raw_file(tmp_path / "raw.csv", *(row(number, amt="?") for number in range(400)))

    assert "reading ended early: 100 of 100 rows were rejected" in refused(raw, "--out", tmp_path / "out")
    assert 100 == len(rejected(tmp_path / "out"))


WRONG_CELLS = st.dictionaries(
    st.sampled_from(["amt", "is_fraud", "lat", "cc_num", "trans_num", "trans_date_trans_time", "job"]),
    st.sampled_from(
        ["", "x", "1", "-1", "4000000000000002", "2020-02-30", '"a""b"', '"a\nb"', 'a"b', "t1", "1,2", "\xa0"]
    ),
    max_size=2,
)


@given(st.lists(WRONG_CELLS, min_size=4, max_size=12), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_rows_in_are_rows_out_and_rejected_whatever_is_in_them(
    cells: list[dict[str, str]], batch: int
) -> None:
    """The file, read by Python's csv module, has the ids of the made files and the lines of the list."""
    with TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_files, "BATCH_ROWS", batch)
        out = Path(scratch) / "out"
        bad = [row(number + 20, **wrong) for number, wrong in enumerate(cells)]
        raw = raw_file(Path(scratch) / "raw.csv", *rows(20), *bad)
        said = made(out, raw, "--rejected-max", 1)

        assert 20 + len(cells) == said["rows"]
        assert said["rows"] == train_and_test(out).height + len(rejected(out))
        assert {f"t{number}" for number in range(20)} <= set(train_and_test(out)["EVENT_ID"])
