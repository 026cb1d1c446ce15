"""Raw files become files to train and test on: typed, split by time, in the layout of Amazon Fraud Detector."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from fraudstream.adapters.event_types import event_type_named
from fraudstream.cli import cli
from fraudstream.offline import import_files
from fraudstream.offline.history import dates_of
from fraudstream.world.generate import generate
from fraudstream.world.world import World
from tests.offline.etl.making import HEADER, etl, made, raw_file, refused, rejected, row, rows, train_and_test

METADATA = ["EVENT_ID", "ENTITY_ID", "ENTITY_TYPE", "EVENT_TIMESTAMP", "EVENT_LABEL"]


def test_columns_are_amount_and_variables_in_the_event_types_order_and_metadata_last(tmp_path: Path) -> None:
    """Typed as declared: a postcode keeps its zero, a label is a word, a time ISO 8601 in UTC."""
    made(tmp_path / "out", raw_file(tmp_path / "raw.csv", *rows(10)))
    first = pl.read_parquet(tmp_path / "out" / "train.parquet").row(0, named=True)

    assert ["amount", *event_type_named("sparkov").columns, *METADATA] == list(first)
    assert {
        "amount": 10.5,
        "zip": "01234",
        "city_pop": 3495,
        "lat": 36.1,
        "job": "Psychologist, counselling",
        "EVENT_ID": "t0",
        "ENTITY_ID": "4000000000000002",
        "EVENT_TIMESTAMP": "2020-01-01T00:00:00Z",
        "EVENT_LABEL": "fraud",
    }.items() <= first.items()


def test_the_last_fifth_is_to_test_on_and_every_row_is_in_one_file(tmp_path: Path) -> None:
    """Rows in = rows out + rejected, as the command says and as the files have it."""
    said = made(tmp_path / "out", raw_file(tmp_path / "raw.csv", *rows(10)))

    assert {"file": "train.parquet", "events": 8, "fraud": 3} == said["files"]["train"]
    assert {"file": "test.parquet", "events": 2, "fraud": 1} == said["files"]["test"]
    assert (10, 0, "2020-01-01T00:08:00Z") == (said["rows"], said["rejected"], said["cut"])
    assert [f"t{number}" for number in range(10)] == train_and_test(tmp_path / "out")["EVENT_ID"].to_list()
    assert ["etl.json", "test.parquet", "train.parquet"] == sorted(
        file.name for file in (tmp_path / "out").iterdir()
    )


def test_events_in_the_gap_before_the_cut_are_in_a_file_of_their_own(tmp_path: Path) -> None:
    """At the cut nobody knew their labels, so they are neither learnt from nor lost."""
    said = made(
        tmp_path / "out",
        raw_file(tmp_path / "raw.csv", *rows(300)),
        "--cut",
        "2020-01-01T03:20:00Z",
        "--gap",
        "1h",
    )

    assert {"train": 140, "test": 100, "gap": 60} == {
        part: file["events"] for part, file in said["files"].items()
    }
    assert (
        "2020-01-01T02:20:00Z" == pl.read_parquet(tmp_path / "out" / "gap.parquet")["EVENT_TIMESTAMP"].min()
    )


def test_csv_has_the_same_rows_as_parquet(tmp_path: Path) -> None:
    """Its header is the one that Amazon Fraud Detector reads."""
    raw = raw_file(tmp_path / "raw.csv", *rows(10))
    made(tmp_path / "parquet", raw)
    made(tmp_path / "csv", raw, "--format", "csv")
    typed = pl.read_parquet(tmp_path / "parquet" / "train.parquet")

    assert typed.equals(pl.read_csv(tmp_path / "csv" / "train.csv", schema=typed.schema))


def test_files_directories_and_patterns_are_read_each_file_once(tmp_path: Path) -> None:
    """Packed files, too; hidden files of other programs are not."""
    raw_file(tmp_path / "in" / "a.csv", *rows(10))
    packed = gzip.compress(raw_file(tmp_path / "b.csv", *rows(10, first=10)).read_bytes())
    (tmp_path / "in" / "b.csv.gz").write_bytes(packed)
    raw_file(tmp_path / "in" / ".c.csv", *rows(10, first=20))

    said = made(tmp_path / "out", tmp_path / "in", tmp_path / "in" / "*.csv", tmp_path / "in" / "a.csv")

    assert 20 == said["rows"]
    assert ["a.csv", "b.csv.gz"] == [Path(file).name for file in said["read"]]


@pytest.mark.parametrize("sign", [";", "\t", "|"], ids=["semicolon", "tab", "bar"])
def test_a_spreadsheets_csv_is_read_as_it_is(tmp_path: Path, sign: str) -> None:
    """A byte order mark, other signs between cells, CRLF, a quoted cell with a line end in it."""
    text = "\r\n".join([HEADER, *rows(9), row(9, job='"two\r\nlines"'.replace(",", " "))])
    text = text.replace('"Psychologist, counselling"', "Psychologist").replace(",", sign)
    (tmp_path / "raw.csv").write_bytes(b"\xef\xbb\xbf" + text.encode() + b"\r\n")

    assert 10 == made(tmp_path / "out", tmp_path / "raw.csv")["rows"]
    assert "two\r\nlines" == train_and_test(tmp_path / "out")["job"][-1]


def test_local_times_and_decimal_commas_are_read_as_told(tmp_path: Path) -> None:
    """1.234,50 at 14:05 in Berlin, on a leap day."""
    local = {
        "trans_date_trans_time": "29.02.2020 14:05",
        "amt": '"1.234,50"',
        "lat": '"36,1"',
        "long": '"-81,2"',
    }
    lines = [row(number, merch_lat="36", merch_long="-82", **local) for number in range(10)]
    lines[9] = row(
        9, **{**local, "trans_date_trans_time": "01.03.2020 00:30", "merch_lat": "1", "merch_long": "1"}
    )
    made(
        tmp_path / "out",
        *(raw_file(tmp_path / "raw.csv", *lines), "--decimal-comma"),
        *("--time-format", "%d.%m.%Y %H:%M", "--time-zone", "Europe/Berlin", "--cut", "2020-02-29T20:00:00Z"),
    )
    found = train_and_test(tmp_path / "out")

    assert (1234.5, 36.1, -81.2) == found.select("amount", "lat", "long").row(0)
    assert ["2020-02-29T13:05:00Z", "2020-02-29T23:30:00Z"] == found[
        "EVENT_TIMESTAMP"
    ].unique().sort().to_list()


def test_parquet_of_other_programs_is_read_in_its_types(tmp_path: Path) -> None:
    """Decimals, times with a zone, dictionaries."""
    raw = pl.read_csv(raw_file(tmp_path / "raw.csv", *rows(10)), schema_overrides={"zip": pl.String})
    raw.with_columns(
        pl.col("amt").cast(pl.Decimal(12, 2)),
        pl.col("category").cast(pl.Categorical),
        pl.col("trans_date_trans_time").str.to_datetime(time_zone="UTC").dt.convert_time_zone("Asia/Kolkata"),
    ).write_parquet(tmp_path / "raw.parquet")
    made(tmp_path / "of csv", tmp_path / "raw.csv")
    made(tmp_path / "of parquet", tmp_path / "raw.parquet")

    assert train_and_test(tmp_path / "of csv").equals(train_and_test(tmp_path / "of parquet"))


def test_batches_end_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The made files do not depend on how much is read at a time."""
    raw = raw_file(tmp_path / "raw.csv", *rows(9), row(9, amt="x"), *rows(9, first=10))
    made(tmp_path / "whole", raw, "--rejected-max", 1)
    monkeypatch.setattr(import_files, "BATCH_ROWS", 4)
    made(tmp_path / "parts", raw, "--rejected-max", 1)

    assert train_and_test(tmp_path / "whole").equals(train_and_test(tmp_path / "parts"))
    assert rejected(tmp_path / "whole") == rejected(tmp_path / "parts")


def test_raw_csv_becomes_a_model_through_etl_and_the_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The made file is imported as a history without naming a column, and its payments are those of the raw file."""
    simulated = tmp_path / "simulated"
    generate(World(seed=1, cards=300, days=28, payments=33_000), simulated, event_type_named("sparkov"))
    ours = pl.concat(pl.read_parquet(path) for path in sorted(simulated.glob("date=*/*.parquet")))
    raw = (
        ours.drop("scenario")
        .rename({"tid": "trans_num", "amount": "amt"})
        .with_columns(
            pl.from_epoch("event_time", "ms")
            .dt.strftime("%Y-%m-%d %H:%M:%S%.3f")
            .alias("trans_date_trans_time"),
            pl.col("is_fraud").cast(pl.Int8),
        )
    )
    raw.drop("event_time").write_csv(tmp_path / "raw.csv")
    monkeypatch.setenv("FRAUDSTREAM_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("FRAUDSTREAM_EVENT_TYPE", "sparkov")
    made(tmp_path / "out", tmp_path / "raw.csv")

    for command in ("history import {out}/train.parquet {out}/test.parquet", "train"):
        result = CliRunner().invoke(cli, command.format(out=tmp_path / "out").split(), catch_exceptions=False)
        assert 0 == result.exit_code, result.output
    history = tmp_path / "data" / "history"
    back = pl.concat(pl.read_parquet(path) for path in sorted(history.glob("date=*/*.parquet")))
    same = ["amount", "event_time", "is_fraud", "merchant", "city_pop", "lat"]

    assert dates_of(simulated) == dates_of(history)
    assert ours.sort("tid").select(same).equals(back.sort(pl.col("tid").cast(pl.Int64)).select(same))


def test_a_directory_that_holds_something_is_replaced_only_with_force(tmp_path: Path) -> None:
    """Whatever is in it."""
    raw = raw_file(tmp_path / "raw.csv", *rows(10))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")

    assert "already holds something" in refused(raw, "--out", tmp_path / "out")
    assert 10 == made(tmp_path / "out", raw, "--force")["rows"]
    assert not (tmp_path / "out" / "mine.txt").exists()


def test_what_was_made_and_rejected_is_said_in_words(tmp_path: Path) -> None:
    """With file, line and reason."""
    raw = raw_file(tmp_path / "raw.csv", *rows(10), row(10, amt="twelve"))
    result = etl(raw, "--out", tmp_path / "out", "--rejected-max", "0.1")

    assert "11 rows in, 10 out, 1 rejected" in result.stdout
    assert f"amt 'twelve' does not read as amounts (decimal numbers) ({raw})" in result.stdout
    assert json.loads((tmp_path / "out" / "etl.json").read_text())["wrong"] == [
        {"file": str(raw), "column": "amt", "reason": "invalid-amount", "rows": 1, "first_line": 12,
         "example": "amt 'twelve' does not read as amounts (decimal numbers)", "hint": ""}
    ]  # fmt: skip


OWN = """
name = "payout"
[amount]
field = "money"
currency = "EUR"
[time]
fields = ["at"]
[label]
field = "state"
fraud = ["chargeback"]
[variables]
tries = { type = "integer", field = "n" }
new = "boolean"
"""


def test_an_event_type_of_ones_own_without_entity_and_id_is_made_and_read_again(tmp_path: Path) -> None:
    """Its own words for fraud are those of the raw file; EVENT_LABEL has only ours, and is read so."""
    (tmp_path / "payout.toml").write_text(OWN)
    lines = [f"{n}.25,{1_600_000_000 + n},{['chargeback', 'paid'][n % 2]},{n},{n % 2}" for n in range(10)]
    raw = raw_file(tmp_path / "raw.csv", *lines, header="money,at,state,n,new")
    for source, out in ((raw, "out"), (tmp_path / "out" / "train.parquet", "again")):
        result = etl(source, "--out", tmp_path / out, event_type=str(tmp_path / "payout.toml"))
        assert 0 == result.exit_code, result.exception
    once, again = (train_and_test(tmp_path / out) for out in ("out", "again"))

    assert ["amount", "tries", "new", "EVENT_TIMESTAMP", "EVENT_LABEL"] == once.columns
    assert (0.25, 0, False, "2020-09-13T12:26:40Z", "fraud") == once.row(0)
    assert once.head(8).equals(again)


def test_a_parquet_label_that_is_not_a_number_is_rejected(tmp_path: Path) -> None:
    """NaN is no class, a null is no label."""
    raw = pl.read_csv(raw_file(tmp_path / "raw.csv", *rows(10)), schema_overrides={"zip": pl.String})
    labels = pl.Series("is_fraud", [float("nan"), None, *[1.0, 0.0] * 4], strict=False)
    raw.with_columns(labels).write_parquet(tmp_path / "raw.parquet")
    made(tmp_path / "out", tmp_path / "raw.parquet", "--rejected-max", 1)

    assert [("1", "invalid-label"), ("2", "no-label")] == [
        (bad["line"], bad["reason"]) for bad in rejected(tmp_path / "out")
    ]


def test_postcodes_that_a_program_stored_as_floats_are_whole_again(tmp_path: Path) -> None:
    """As it does with whole numbers as soon as a row has none."""
    raw = pl.read_csv(raw_file(tmp_path / "raw.csv", *rows(9), row(9, zip="")))
    raw.with_columns(pl.col("zip").cast(pl.Float64)).write_parquet(tmp_path / "raw.parquet")
    made(tmp_path / "out", tmp_path / "raw.parquet")

    assert [*["1234"] * 9, None] == train_and_test(tmp_path / "out")["zip"].to_list()


def test_text_in_utf_16_is_read_as_told_and_said_otherwise(tmp_path: Path) -> None:
    """What spreadsheets call Unicode text, with tabs."""
    text = (
        raw_file(tmp_path / "raw.csv", *rows(10)).read_text().replace('"Psychologist, counselling"', "Baker")
    )
    (tmp_path / "raw.csv").write_text(text.replace(",", "\t"), encoding="utf-16")

    assert "set the file's encoding: --encoding utf-16" in refused(
        tmp_path / "raw.csv", "--out", tmp_path / "out"
    )
    assert 10 == made(tmp_path / "out", tmp_path / "raw.csv", "--encoding", "utf-16")["rows"]
