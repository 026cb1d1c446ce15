"""`fraudstream dataset`: what a notebook gets is what training and the worker see."""

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result

from fraudstream.adapters.event_types import event_type_named
from fraudstream.commands.dataset import dataset
from fraudstream.domain.errors import SetupError
from fraudstream.domain.features.catalogue import FEATURE_SETS
from fraudstream.domain.features.compute import matrix
from fraudstream.domain.times import DAY_MS
from fraudstream.offline.dataset import Dataset, features_of
from fraudstream.offline.train import Split
from fraudstream.world.generate import generate
from fraudstream.world.world import World

CARD = event_type_named("card")


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a history of four weeks."""
    root = tmp_path_factory.mktemp("data")
    generate(World(seed=1, cards=1500, days=28, payments=150_000, start=date(2020, 1, 1)), root / "history")
    return root


def run(data_dir: Path, *arguments: str | Path, event_type: str = "card") -> Result:
    """Run the command."""
    environment = {"FRAUDSTREAM_DATA_DIR": str(data_dir), "FRAUDSTREAM_EVENT_TYPE": event_type}
    return CliRunner().invoke(dataset, [str(argument) for argument in arguments], env=environment)


@pytest.fixture(scope="module")
def out(data_dir: Path) -> Path:
    """Return a written dataset."""
    done = run(data_dir, "--out", data_dir / "out")
    assert 0 == done.exit_code, done.output
    return data_dir / "out"


def test_its_features_are_those_of_training_to_the_last_bit(out: Path, data_dir: Path) -> None:
    """And so those of the worker; the labels, too."""
    split = Split.of(Dataset.of_history(data_dir / "history", event_type=CARD))
    names = FEATURE_SETS["card"]

    for name, rows in (("train", split.train), ("test", split.test)):
        frame = pl.read_parquet(out / f"{name}.parquet")
        assert (
            matrix(features_of(rows, names), names).view(np.int32) == matrix(frame, names).view(np.int32)
        ).all()
        assert rows["is_fraud"].to_list() == frame["is_fraud"].to_list()
        assert rows["event_time"].to_list() == frame["event_time"].dt.epoch("ms").to_list()


def test_entity_and_id_are_left_out(out: Path) -> None:
    """And what only a simulation knows; the label is last."""
    columns = pl.read_parquet_schema(out / "train.parquet")

    assert not {"cc_num", "card", "card_code", "tid", "transaction_id", "id_hash", "scenario"} & set(columns)
    assert "is_fraud" == list(columns)[-1]


def test_variables_that_are_not_wanted_are_left_out(data_dir: Path, out: Path, tmp_path: Path) -> None:
    """Of those there are; a misspelt one is suggested."""
    done = run(data_dir, "--out", tmp_path / "less", "--leave-out", "merchant", "--leave-out", "amt_ratio1")
    misspelt = run(data_dir, "--out", tmp_path / "none", "--leave-out", "merchent")
    whole, less = (set(pl.read_parquet_schema(each / "test.parquet")) for each in (out, tmp_path / "less"))

    assert 0 == done.exit_code, done.output
    assert {"merchant", "amt_ratio1"} == whole - less
    assert "no variable or feature merchent; did you mean merchant" in str(misspelt.exception)


def test_every_column_is_described(out: Path) -> None:
    """For programs and for people."""
    described: list[dict[str, Any]] = json.loads((out / "columns.json").read_text())
    by_name = {each["name"]: each for each in described}
    frame = pl.read_parquet(out / "train.parquet")

    assert frame.columns == list(by_name)
    assert ("feature", "currency") == (by_name["amount"]["role"], by_name["amount"]["unit"])
    assert f"{frame['amount'].min():g} to {frame['amount'].max():g}" == by_name["amount"]["values"]
    assert all(
        each["what"] and each["role"] in {"time", "feature", "variable", "label"} for each in described
    )
    assert all(f"| `{name}` |" in (out / "README.md").read_text() for name in by_name)


def test_the_manifest_has_hashes_and_counts(out: Path) -> None:
    """So that a result can say exactly what it was computed of."""
    manifest = json.loads((out / "manifest.json").read_text())

    for name in ("train", "test"):
        frame = pl.read_parquet(out / f"{name}.parquet")
        assert hashlib.sha256((out / f"{name}.parquet").read_bytes()).hexdigest() == manifest[name]["sha256"]
        assert (frame.height, frame["is_fraud"].sum()) == (manifest[name]["rows"], manifest[name]["fraud"])


def test_days_whose_frauds_were_not_known_yet_are_left_out(data_dir: Path, out: Path, tmp_path: Path) -> None:
    """The test is the same; what is learnt from ends three days earlier."""
    done = run(data_dir, "--out", tmp_path / "gap", "--label-delay-days", "3", "--json")
    whole, gap = (pl.read_parquet(each / "train.parquet") for each in (out, tmp_path / "gap"))
    tests = [pl.read_parquet(each / "test.parquet") for each in (out, tmp_path / "gap")]
    begins = tests[0]["event_time"].dt.epoch("ms").min()

    assert 3 == json.loads(done.stdout)["gap_days"]
    assert tests[0].equals(tests[1])
    assert whole.filter(pl.col("event_time").dt.epoch("ms") < begins - 3 * DAY_MS).height == pytest.approx(
        gap.height, abs=20
    )


def test_a_directory_with_something_in_it_is_kept(data_dir: Path, out: Path) -> None:
    """Unless told; and a dataset that cannot be made leaves nothing half-written."""
    refused = run(data_dir, "--out", out)
    kept = (out / "manifest.json").read_text()
    replaced = run(data_dir, "--out", out, "--force")
    too_long = run(data_dir, "--out", data_dir / "none", "--label-delay-days", "60")

    assert isinstance(refused.exception, SetupError)
    assert "is not empty; name another directory, or replace it with --force" in str(refused.exception)
    assert json.loads(kept)["train"] == json.loads((out / "manifest.json").read_text())["train"]
    assert 0 == replaced.exit_code
    assert isinstance(too_long.exception, SetupError)
    assert not (data_dir / "none").exists()
