"""Raw files in the shape of Sparkov's, and what `fraudstream etl` makes of them."""

import csv
import json
from pathlib import Path
from typing import Any

import polars as pl
from click.testing import CliRunner, Result

from fraudstream.cli import cli

HEADER = (
    ",trans_date_trans_time,cc_num,merchant,category,amt,first,last,gender,street,city,state,zip,lat,long,city_pop,job,dob,"
    "trans_num,unix_time,merch_lat,merch_long,is_fraud"
)
COLUMNS = HEADER.split(",")


def row(number: int, **cells: str) -> str:
    """Return a line of a raw file: each a minute later than the one before, every third fraud."""
    minute = number % 1440
    known = {
        "": str(number),
        "trans_date_trans_time": f"2020-01-{1 + number // 1440:02} {minute // 60:02}:{minute % 60:02}:00",
        "cc_num": "4000000000000002",
        "merchant": "fraud_Kirlin and Sons",
        "category": "misc_net",
        "amt": f"{10 + number}.50",
        "first": "Ada",
        "last": "Brook",
        "gender": "F",
        "street": "1 Elm Court",
        "city": "Ashford",
        "state": "CA",
        "zip": "01234",
        "lat": "36.1",
        "long": "-81.2",
        "city_pop": "3495",
        "job": '"Psychologist, counselling"',
        "dob": "1988-03-09",
        "trans_num": f"t{number}",
        "unix_time": str(1_325_376_018 + 60 * number),
        "merch_lat": "36.0",
        "merch_long": "-82.0",
        "is_fraud": "1" if number % 3 == 0 else "0",
    }
    return ",".join({**known, **cells}[name] for name in COLUMNS)


def rows(count: int, first: int = 0) -> list[str]:
    """Return lines without a fault."""
    return [row(number) for number in range(first, first + count)]


def raw_file(path: Path, *lines: str, header: str = HEADER) -> Path:
    """Write a raw file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def etl(*arguments: object, event_type: str = "sparkov") -> Result:
    """Run the command."""
    given = ("etl", "--event-type", event_type, *map(str, arguments))
    return CliRunner().invoke(cli, given)


def made(out: Path, *arguments: object) -> dict[str, Any]:
    """Run the command, which must succeed, and return what it says as JSON."""
    result = etl(*arguments, "--out", out, "--json")
    assert 0 == result.exit_code, (result.output, result.exception)
    said: dict[str, Any] = json.loads(result.stdout)
    return said


def refused(*arguments: object) -> str:
    """Run the command, which must fail with one sentence, and return it."""
    result = etl(*arguments)
    assert 0 != result.exit_code
    assert result.exception is not None
    return str(result.exception) if not isinstance(result.exception, SystemExit) else result.output


def train_and_test(out: Path) -> pl.DataFrame:
    """Return the events of both files, those to train on first."""
    return pl.concat([pl.read_parquet(out / "train.parquet"), pl.read_parquet(out / "test.parquet")])


def rejected(out: Path) -> list[dict[str, str]]:
    """Return the list of rejected rows."""
    path = out.with_name(f"{out.name}.rejected.csv")
    if not path.exists():
        return []
    with path.open(newline="") as text:
        return list(csv.DictReader(text))


def nothing_in(directory: Path, *but: str) -> bool:
    """Tell whether a directory holds nothing, drafts included, but files of these names."""
    return set(but) == {file.name for file in directory.iterdir()}
