"""A real Spark makes of raw files what one process makes of them."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from fraudstream.adapters.spark import spark_session
from tests.offline.etl.making import COLUMNS, HEADER, etl, made, nothing_in, raw_file, rejected, row, rows

pytestmark = [pytest.mark.timeout(280), pytest.mark.usefixtures("spark")]

BATCH = 50_000
"""Rows of a task."""


@pytest.fixture(scope="module")
def spark() -> Iterator[None]:
    """Start this machine's Spark, which commands in this process take."""
    with spark_session("local[2]", "test"):
        yield


def many(count: int, first: int = 0) -> list[str]:
    """Return lines without a fault; after some weeks they begin again in January."""
    return [row(number % 40_000, trans_num=f"t{number}") for number in range(first, first + count)]


def files(directory: Path) -> Path:
    """Write a file of two batches, a packed one, NDJSON and Parquet, with rows that are none and ids that came before."""
    wrong = [
        row(7, amt="?"),
        row(8, is_fraud=""),
        "only,three,cells",
        row(9, city="Z%rich"),
        row(4, job='"a\nb"'),
    ]
    first = raw_file(directory / "a.csv", *many(BATCH + 100), *wrong, "", *many(1, BATCH + 200))
    first.write_bytes(first.read_bytes().replace(b"Z%rich", b"Z\xfcrich"))
    text = "\n".join(
        [HEADER.replace(",", ";"), *(line.replace(",", ";") for line in many(5, BATCH + 300)), "x"]
    )
    (directory / "b.csv.gz").write_bytes(gzip.compress(text.encode()))
    cells = [line.replace('"Psychologist, counselling"', "Baker").split(",") for line in many(6, BATCH + 400)]
    frame = pl.DataFrame(cells, COLUMNS, orient="row")
    frame.write_parquet(directory / "d.parquet")
    lines = [json.dumps(dict(zip(COLUMNS, each, strict=True))) for each in cells[:3]]
    (directory / "c.ndjson").write_text("\n".join([*lines[:2], "{", "", lines[2]]))
    return directory


def test_spark_makes_the_same_files_and_rejects_the_same_rows(tmp_path: Path) -> None:
    """Split at the same moment; the table of what was wrong, and the list with line, reason and cells, are the same."""
    raw = files(tmp_path / "raw")
    options = ("--format", "csv", "--gap", "12h", "--rejected-max", 0.5)

    here, there = (
        made(tmp_path / engine, raw, "--engine", engine, *options) for engine in ("local", "spark")
    )

    assert {"directory", "rejected_file"} == {name for name in here if here[name] != there[name]}
    assert (BATCH + 122, 10) == (here["rows"], here["rejected"])
    for name in ("train.csv", "test.csv", "gap.csv"):
        assert (tmp_path / "local" / name).read_bytes() == (tmp_path / "spark" / name).read_bytes()
    assert rejected(tmp_path / "local") == rejected(tmp_path / "spark")
    assert '["only", "three", "cells"]' in [bad["row"] for bad in rejected(tmp_path / "spark")]


def test_what_a_task_cannot_read_is_said_as_without_spark(tmp_path: Path) -> None:
    """Also from a file's name on; nothing is left."""
    raw_file(tmp_path / "a.csv", *rows(3))
    raw_file(tmp_path / "b.csv", *rows(3, 3), row(6, job='"never closed'), row(7))

    said = [
        etl(tmp_path / "a.csv", tmp_path / "b.csv", "--out", tmp_path / "out", "--engine", engine).exception
        for engine in ("local", "spark")
    ]

    assert "opens a quote that is not closed" in str(said[0])
    assert str(said[0]) == str(said[1])
    assert nothing_in(tmp_path, "a.csv", "b.csv")
