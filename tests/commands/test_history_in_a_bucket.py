"""Commands that read a history read it from a bucket, too."""

import json
from collections.abc import Sequence
from pathlib import Path

import boto3
import click
import pytest
from click.testing import CliRunner

from fraudstream.commands.aggregate import aggregate
from fraudstream.commands.dataset import dataset
from fraudstream.commands.train import train
from tests.s3_server import bucket, s3

__all__ = ["bucket", "s3"]


def said(command: click.Command, arguments: Sequence[str]) -> dict[str, object]:
    """Run a command with --json; it must end with 0."""
    done = CliRunner().invoke(command, [*arguments, "--json"])
    assert 0 == done.exit_code, done.output
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.fixture
def history(small_world: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a history of this machine, whose keys and settings the commands have."""
    monkeypatch.setenv("FRAUDSTREAM_CARD_TOKEN_KEY_FILE", str(small_world / "card-token.key"))
    return small_world / "history"


@pytest.fixture
def place(history: Path, bucket: str) -> str:
    """Return the same history in a bucket."""
    client = boto3.client("s3")
    for path in history.rglob("*.parquet"):
        client.upload_file(str(path), bucket, f"history/{path.relative_to(history).as_posix()}")
    return f"s3://{bucket}/history"


def test_weekly_aggregates_data_set_and_model_are_those_of_the_same_files_here(
    history: Path, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """To the last bit, as their hashes say."""
    made = {}
    for name, source in (("here", str(history)), ("bucket", place)):
        monkeypatch.setenv("FRAUDSTREAM_DATA_DIR", str(tmp_path / name))
        nights = said(aggregate, ["--catch-up", "--history", source])
        data = said(dataset, ["--history", source, "--out", str(tmp_path / name / "data")])
        model = said(train, ["--history", source, "--local"])
        made[name] = (nights["sha256"], nights["sources"], data["train"], data["test"], model["metrics"])

    assert made["here"] == made["bucket"]


def test_a_bucket_without_payments_is_named(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Not the temporary directory that it would have been copied to."""
    monkeypatch.setenv("FRAUDSTREAM_DATA_DIR", str(tmp_path))
    done = CliRunner().invoke(aggregate, ["--history", f"s3://{bucket}/nothing"])

    assert f"there are no payments in s3://{bucket}/nothing" in str(done.exception)
