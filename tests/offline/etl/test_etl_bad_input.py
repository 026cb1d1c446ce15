"""Raw files that are wrong: one sentence says what and where, every bad row is listed, nothing half-written stays."""

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.offline import import_files
from fraudstream.offline.etl import make
from tests.offline.etl.making import (
    HEADER,
    made,
    nothing_in,
    raw_file,
    refused,
    rejected,
    row,
    rows,
    train_and_test,
)


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (HEADER.replace("merch_lat", "merch_latt"), "has no column merch_lat (a variable; did you mean merch_latt?); name it with --column merch_lat=NAME"),
        (HEADER.replace("city_pop", "inhabitants"), "has no column city_pop (a variable)"),
        (HEADER.replace("is_fraud", "verdict"), "has no column is_fraud (the label)"),
        (HEADER.replace("amt", "price"), "price looks like amount: use --column amount=price"),
        (HEADER.replace("cc_num", "whose"), "has no column cc_num"),
        (HEADER.replace("street", "city"), "has city more than once"),
    ],
    ids=["misspelt variable", "renamed variable", "label", "amount", "card", "twice"],
)  # fmt: skip
def test_a_missing_or_renamed_column_is_named_with_one_alike(tmp_path: Path, header: str, said: str) -> None:
    """Nothing is guessed for it."""
    raw = raw_file(tmp_path / "raw.csv", *rows(10), header=header)

    assert said in refused(raw, "--out", tmp_path / "out")
    assert nothing_in(tmp_path, "raw.csv")


def test_a_file_whose_first_line_is_a_row_shows_none_of_its_cells(tmp_path: Path) -> None:
    """They are no names of columns, and one is a card number."""
    (tmp_path / "raw.csv").write_text("\n".join(rows(10, first=1)) + "\n")
    said = refused(tmp_path / "raw.csv", "--out", tmp_path / "out")

    assert "holds numbers or times; add a line before it that names the columns" in said
    assert "4000000000000002" not in said


def test_a_column_may_be_mapped_or_said_to_be_absent(tmp_path: Path) -> None:
    """An absent one is there without values, so that all files have the same columns."""
    renamed = HEADER.replace("merch_lat", "shop_lat").replace("dob", "other")
    raw = raw_file(tmp_path / "raw.csv", *rows(10), header=renamed)
    made(tmp_path / "out", raw, "--column", "merch_lat=shop_lat", "--absent", "dob")
    found = train_and_test(tmp_path / "out")

    assert 36.0 == found["merch_lat"][0]
    assert (pl.String(), 10) == (found.schema["dob"], found["dob"].null_count())
    assert "did you mean dob?" in refused(raw, "--out", tmp_path / "other", "--absent", "dobb")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        (HEADER + "\n", "there are no rows in"),
        ("0,0,1\n0,1,2\n", "has 0 more than once; it must name the columns"),
    ],
    ids=["no byte", "header only", "no header"],
)
def test_an_empty_file_or_one_without_names_is_said(tmp_path: Path, content: str, said: str) -> None:
    """Also one that has only names of columns."""
    (tmp_path / "raw.csv").write_text(content)

    assert said in refused(tmp_path / "raw.csv", "--out", tmp_path / "out")
    assert nothing_in(tmp_path, "raw.csv")


@pytest.mark.parametrize("label", ["0", "1"], ids=["legit", "fraud"])
def test_one_class_only_is_nothing_to_learn_from(tmp_path: Path, label: str) -> None:
    """The label's column may be the wrong one."""
    raw = raw_file(tmp_path / "raw.csv", *(row(number, is_fraud=label) for number in range(10)))

    said = refused(raw, "--out", tmp_path / "out")

    assert (
        f"all 8 events to train on are {['legit', 'fraud'][int(label)]}, so there is nothing to learn" in said
    )
    assert nothing_in(tmp_path, "raw.csv")


def test_a_repeated_id_counts_once_and_is_rejected_after_that(tmp_path: Path) -> None:
    """Across files; the list says where the first is."""
    one = raw_file(tmp_path / "one.csv", *rows(10))
    two = raw_file(tmp_path / "two.csv", row(10), row(11, trans_num="t3"))
    said = made(tmp_path / "out", one, two, "--rejected-max", 1)

    assert (12, 1) == (said["rows"], said["rejected"])
    assert [(str(two), "3", "repeated-id", f"trans_num is also that of line 5 of {one}, which counts")] == [
        (bad["file"], bad["line"], bad["reason"], bad["detail"]) for bad in rejected(tmp_path / "out")
    ]


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


def test_a_list_of_an_earlier_run_does_not_stay(tmp_path: Path) -> None:
    """It would be taken for this run's."""
    bad, good = (
        raw_file(tmp_path / name, *rows(10), line) for name, line in (("bad.csv", "x"), ("good.csv", row(10)))
    )
    refused(bad, "--out", tmp_path / "out")
    made(tmp_path / "out", good)

    assert [] == rejected(tmp_path / "out")


@pytest.mark.parametrize(
    ("cut", "said"),
    [("2020-01-01", "no event is left to train on before cut and gap: events are from 2020-01-01T00:00:00Z to 2020-01-01T00:09:00Z"),
     ("2020-02-01", "no event is left to test on at or after the cut")],
)  # fmt: skip
def test_a_cut_that_leaves_a_file_empty_is_refused(tmp_path: Path, cut: str, said: str) -> None:
    """The sentence says from when to when events are."""
    raw = raw_file(tmp_path / "raw.csv", *rows(10))

    assert said in refused(raw, "--out", tmp_path / "out", "--cut", cut)
    assert nothing_in(tmp_path, "raw.csv")


def test_a_packed_file_that_is_cut_off_is_said(tmp_path: Path) -> None:
    """As a bad copy leaves it."""
    packed = gzip.compress(raw_file(tmp_path / "whole.csv", *rows(500)).read_bytes())
    (tmp_path / "raw.csv.gz").write_bytes(packed[: len(packed) // 2])

    assert "is damaged, or no gzip file, from line" in refused(
        tmp_path / "raw.csv.gz", "--out", tmp_path / "out"
    )
    assert nothing_in(tmp_path, "whole.csv", "raw.csv.gz")


def test_a_file_that_is_not_there_or_cannot_be_read_is_said(tmp_path: Path) -> None:
    """With a name that is near."""
    raw_file(tmp_path / "fraudTrain.csv", *rows(10))
    (tmp_path / "notes.xlsx").write_text("x")

    assert "did you mean fraudTrain.csv?" in refused(tmp_path / "fraudTran.csv", "--out", tmp_path / "out")
    assert "the name of a file must end with .csv" in refused(
        tmp_path / "notes.xlsx", "--out", tmp_path / "out"
    )


def test_what_lies_in_the_directory_to_write_is_not_replaced(tmp_path: Path) -> None:
    """Neither a raw file nor the list."""
    raw = raw_file(tmp_path / "out" / "raw.csv", *rows(10))
    other = raw_file(tmp_path / "raw.csv", *rows(10))

    assert "lies in" in refused(raw, "--out", tmp_path / "out", "--force")
    assert "lies in" in refused(other, "--out", tmp_path / "x", "--rejected", tmp_path / "x" / "list.csv")
    assert raw.exists()


def test_a_file_that_is_no_list_is_not_replaced_by_one(tmp_path: Path) -> None:
    """It may be the raw file itself."""
    raw = raw_file(tmp_path / "raw.csv", *rows(10))

    assert "is no list of an earlier run" in refused(raw, "--out", tmp_path / "out", "--rejected", raw)
    assert raw.exists()
    assert nothing_in(tmp_path, "raw.csv")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--delimiter", "ab"), "'ab' is not one character"),
        (("--gap", "two weeks"), "write it as 12h, 14d or 2w"),
        (("--cut", "21.06.2020"), "write it as 2020-06-21"),
        (("--time-zone", "Berlin"), "write it as Europe/Berlin"),
        (("--test-share", "1"), "is not in the range 0<x<1"),
        (("--column", "amuont=amt"), "did you mean amount?"),
        (("--column", "amount=amtt"), "did you mean amt?"),
        (("--time-format", "%Q"), "1 of 1 rows were rejected"),
    ],
)
def test_an_option_that_cannot_be_meant_is_one_sentence(
    tmp_path: Path, option: tuple[str, str], said: str
) -> None:
    """It says how to write it."""
    assert said in refused(raw_file(tmp_path / "raw.csv", row(0)), "--out", tmp_path / "out", *option)
