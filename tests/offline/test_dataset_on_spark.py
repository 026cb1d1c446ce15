"""A real Spark writes the dataset that one process writes, byte by byte."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.spark import Spark, spark_session
from fraudstream.cli import cli
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.labels import COLUMNS, LABEL_KNOWN_AT
from fraudstream.domain.times import DAY_MS
from fraudstream.offline.dataset_on_spark import OnSpark
from fraudstream.offline.written_dataset import DatasetRequest, written
from fraudstream.world.generate import generate
from fraudstream.world.world import World

pytestmark = pytest.mark.timeout(280)

WORLD = World(seed=3, cards=300, days=20, payments=20_000, start=date(2020, 2, 20))
COL = pl.col
FILES = "train.parquet", "test.parquet", "columns.json", "README.md", "manifest.json"


@pytest.fixture(scope="module")
def spark() -> Iterator[Spark]:
    """Yield this machine's Spark."""
    with spark_session("local[2]", "test") as session:
        yield session


def history(directory: Path, event_type: EventType) -> Path:
    """Write a history with every oddity: files of other types and without rows, late, repeated and contradicted payments, refunds."""
    generate(WORLD, directory, event_type)
    for number, file in enumerate(sorted(directory.glob("date=*/*.parquet"))):
        rows = pl.read_parquet(file, hive_partitioning=False).with_columns(
            amount=pl.when(COL("tid").hash(1) % 40 == 0).then(-COL("amount")).otherwise("amount"),
            is_fraud=pl.when(COL("tid").hash(2) % 9 > 0).then("is_fraud"),
        )
        rows = rows.sort(pl.int_range(pl.len()) - COL("tid").hash(3) % 30 * (COL("tid").hash(4) % 5 == 0))
        again = rows.filter(COL("tid").hash(5) % 50 == 0)
        other = rows.filter(COL("tid").hash(6) % 200 == 0).with_columns(COL("amount") + 1)
        first, second = file, file.with_name("more.parquet")
        rows.head(600).write_parquet(first)
        second_rows = pl.concat([rows.slice(600), again, other])
        if number % 3 == 0:
            second_rows = second_rows.with_columns(
                COL("tid").cast(pl.String), COL("amount").cast(pl.Decimal(12, 2))
            )
        second_rows.write_parquet(second)
        rows.clear().write_parquet(file.with_name("none.parquet"))
    return directory


def archive(directory: Path, event_type: EventType) -> Path:
    """Write the same as workers archive it: in order of decision, which is not that of days, with labels that came later."""
    history(directory, event_type)
    files = sorted(directory.glob("date=*/*.parquet"))
    labels, offset = [], 0
    for number, file in enumerate(files):
        rows = pl.read_parquet(file, hive_partitioning=False)
        ids = COL("tid").cast(pl.String)
        labels.append(
            rows.filter(COL("is_fraud").is_not_null()).select(
                transaction_id=ids,
                is_fraud="is_fraud",
                scenario=pl.lit(None, pl.String),
                known_at=COL("event_time") + (COL("event_time") % 40) * DAY_MS // 2,
                label_source=pl.lit("review"),
                note=pl.lit(None, pl.String),
                label_offset=pl.int_range(pl.len()) + 100_000 * number,
            )
        )
        if number < 6:  # from before there was an archive
            rows.drop("is_fraud").write_parquet(file)
            continue
        place = pl.int_range(pl.len())
        rows.select(
            pl.exclude("cc_num", "tid", "is_fraud", "scenario"),
            card=COL("cc_num").cast(pl.String),
            transaction_id=ids,
            source_partition=COL("cc_num") % 3,
            decision_offset=place + offset + COL("cc_num") % 400,
        ).write_parquet(file)
        offset += rows.height
    folder = directory / "labels" / "date=2020-03-01"
    folder.mkdir(parents=True)
    told = pl.concat(labels).select(COL(name).cast(dtype) for name, dtype in COLUMNS.items())
    changed = told.filter(COL("transaction_id").hash(7) % 10 == 0).with_columns(
        ~COL("is_fraud"), COL("known_at") + DAY_MS, COL("label_offset") + 10_000_000
    )
    told.write_parquet(folder / "0.parquet")
    changed.write_parquet(folder / "1.parquet")
    return directory


def same_by_both(asked: DatasetRequest, spark: Spark, out: Path) -> tuple[dict[str, Any], pl.DataFrame]:
    """Write a dataset here and on Spark, compare all files, and return manifest and what is learnt from."""
    manifests = [
        written(out / "here", asked),
        written(out / "there", asked, OnSpark(spark, rows_at_once=6000)),
    ]
    for name in FILES[:-1]:
        assert (out / "here" / name).read_bytes() == (out / "there" / name).read_bytes(), name
    for manifest in manifests:
        del manifest["made_at"]
    assert manifests[0] == manifests[1]
    assert set(FILES) == {path.name for path in (out / "there").iterdir()}
    return manifests[1], pl.read_parquet(out / "there" / "train.parquet")


def test_spark_writes_the_same_bytes_of_card_payments(tmp_path: Path, spark: Spark) -> None:
    """Warm-up and gap left out; lateness, repeated payments and those in conflict as in one process, over slices and entities."""
    card = event_type_named("card")
    asked = DatasetRequest(history(tmp_path / "history", card), 4, 5000, card, 2, ["merchant"])

    manifest, learnt = same_by_both(asked, spark, tmp_path)

    assert (7, 2, "2020-02-20") == (
        manifest["warm_up_days"],
        manifest["gap_days"],
        manifest["history"]["first_date"],
    )
    files = [pl.scan_parquet(path) for path in asked.source.glob("date=*/*.parquet")]
    stored = sum(file.select(pl.len()).collect().item() for file in files)
    assert 20_000 == manifest["history"]["rows"] < stored - 400
    assert 0 < learnt["num_trans_last_1w"].max()  # type: ignore[operator]  # a number
    assert "merchant" not in learnt.columns


def test_spark_writes_the_same_bytes_of_an_archive(tmp_path: Path, spark: Spark) -> None:
    """Payments are put in order of decision, and have the labels that were known when the test begins."""
    sparkov = event_type_named("sparkov")
    asked = DatasetRequest(archive(tmp_path / "archive", sparkov), 4, 5000, sparkov)

    manifest, learnt = same_by_both(asked, spark, tmp_path)

    assert 0 < manifest["train"]["fraud"] < manifest["train"]["rows"] == learnt.height
    assert LABEL_KNOWN_AT not in learnt.columns


def test_events_without_an_entity_are_known_by_themselves(
    tmp_path: Path, spark: Spark, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the command, which says the same; nothing is left beside the directory."""
    monkeypatch.setenv("FRAUDSTREAM_EVENT_TYPE", "creditcard")
    place = history(tmp_path / "history", event_type_named("creditcard"))
    said = []
    for engine in ("local", "spark"):
        arguments = ("dataset", "--history", place, "--out", tmp_path / engine, "--engine", engine, "--json")
        done = CliRunner().invoke(cli, list(map(str, arguments)))
        assert 0 == done.exit_code, done.output
        said.append(json.loads(done.stdout))

    assert said[0]["train"] == said[1]["train"]
    assert said[0]["test"] == said[1]["test"]
    assert "V1" in pl.read_parquet_schema(tmp_path / "spark" / "test.parquet")
    assert {"history", "local", "spark"} == {path.name for path in tmp_path.iterdir()}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a plain history."""
    place = tmp_path_factory.mktemp("small") / "history"
    generate(replace(WORLD, payments=4000), place)
    return place


def without_labels(place: Path) -> None:
    """Take the labels away."""
    for file in place.glob("date=*/*.parquet"):
        pl.read_parquet(file, hive_partitioning=False).drop("is_fraud").write_parquet(file)


def without_fraud(place: Path) -> None:
    """No frauds."""
    for file in place.glob("date=*/*.parquet"):
        rows = pl.read_parquet(file, hive_partitioning=False)
        rows.with_columns(is_fraud=pl.lit(value=False)).write_parquet(file)


def unreadable_amount(place: Path) -> None:
    """A row of a day in the middle has no amount."""
    file = middle(place)
    rows = pl.read_parquet(file, hive_partitioning=False)
    rows.with_columns(pl.when(pl.int_range(pl.len()) != 7).then("amount")).write_parquet(file)


def damaged(place: Path) -> None:
    """Bytes in the midst of a file are gone."""
    file = middle(place)
    content = bytearray(file.read_bytes())
    content[100 : len(content) // 2] = bytes(len(content) // 2 - 100)
    file.write_bytes(content)


def middle(place: Path) -> Path:
    """Return the file of a day in the middle."""
    (file,) = (place / f"date={WORLD.start + timedelta(days=10)}").glob("*.parquet")
    return file


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (without_labels, "has a column is_fraud, which training needs"),
        (without_fraud, "contain too little fraud to train and to test a model"),
        (unreadable_amount, "1 rows, the first is row 8, have no amount"),
        (damaged, "is not a readable Parquet file"),
    ],
)
def test_what_is_wrong_with_a_history_is_said_as_without_spark(
    spoil: Any, sentence: str, small: Path, tmp_path: Path, spark: Spark
) -> None:
    """The very same sentence; nothing is left."""
    place = tmp_path / "history"
    for file in small.glob("date=*/*.parquet"):
        (place / file.parent.name).mkdir(parents=True)
        (place / file.parent.name / file.name).write_bytes(file.read_bytes())
    spoil(place)
    asked = DatasetRequest(place, 4, 5000, event_type_named("card"))

    said = []
    for engine in ({}, {"engine": OnSpark(spark, 1500)}):
        with pytest.raises(SetupError, match=sentence) as error:
            written(tmp_path / "out", asked, **engine)
        said.append(str(error.value))

    assert said[0] == said[1]
    assert {"history"} == {path.name for path in tmp_path.iterdir()}


def test_a_column_that_cannot_be_left_out_is_said_at_once(small: Path, tmp_path: Path, spark: Spark) -> None:
    """Before the work begins."""
    asked = DatasetRequest(small, 4, 5000, event_type_named("card"), left_out=["merchent"])

    with pytest.raises(SetupError, match="no variable or feature merchent; did you mean merchant"):
        written(tmp_path / "out", asked, OnSpark(spark))
    assert [] == list(tmp_path.iterdir())


def test_a_task_whose_process_ends_is_said_in_a_sentence(spark: Spark) -> None:
    """As when the system ends it for lack of memory: not Java's stack."""
    with pytest.raises(SetupError, match="a process of Spark ended before its task was done"):
        list(spark.mapped(os._exit, [1]))


def passed(task: int, items: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Give each number to another task, but for 13."""
    for item in items:
        if item == 13:
            raise SetupError("13 is no number")
        yield item % 3, item + 1


def test_an_error_in_a_step_comes_through_the_steps_after_it(spark: Spark) -> None:
    """Numbers grow by one in each of two steps; 12 becomes 13 in the first."""
    first = spark.given([1, 2, 5], passed)
    second = spark.then(spark.exchanged(first, 3), passed)
    wrong = spark.then(spark.exchanged(spark.given([1, 12, 5], passed), 3), passed)

    assert [3, 4, 7] == sorted(spark.collected(spark.exchanged(second, 3)))
    with pytest.raises(SetupError, match="13 is no number"):
        spark.collected(spark.exchanged(spark.then(spark.exchanged(wrong, 3), passed), 3), only=[0])
