"""Raw files that are wrong: one sentence says what and where, every bad row is listed, nothing half-written stays."""

import gzip
from pathlib import Path

import polars as pl
import pytest

from tests.offline.etl.making import (
    HEADER,
    etl,
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


def test_the_leap_day_is_read_and_one_that_does_not_exist_is_rejected(tmp_path: Path) -> None:
    """29 February of 2020 and of 2019."""
    leap = [row(number, trans_date_trans_time=f"2020-02-29 12:{number:02}:00") for number in range(50)]
    none = row(50, trans_date_trans_time="2019-02-29 12:00:00")
    raw = raw_file(tmp_path / "raw.csv", *leap, none)

    done = made(tmp_path / "out", raw, "--rejected-max", "0.1")

    assert (51, 1) == (done["rows"], done["rejected"])
    assert "2020-02-29T12:40:00Z" == done["cut"]
    assert 52 == done["wrong"][0]["first_line"]


def test_a_month_without_events_is_said(tmp_path: Path) -> None:
    """An export that failed; the files are made all the same."""
    before = [row(number) for number in range(30)]
    after = [row(number, trans_date_trans_time=f"2020-02-10 12:{number:02}:00") for number in range(30, 60)]
    raw = raw_file(tmp_path / "raw.csv", *before, *after)

    done = etl(raw, "--out", tmp_path / "out")

    assert 0 == done.exit_code, done.output
    assert "Warning: there are no events from 2020-01-02 to 2020-02-09 (39 days)" in done.stderr
