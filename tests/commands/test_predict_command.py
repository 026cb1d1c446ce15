"""`fraudstream predict` as users run it."""

import json
from pathlib import Path

import polars as pl
import pytest

from fraudstream.settings import Settings
from tests.commands.running import fraudstream
from tests.models import saved
from tests.notebook.test_open import payments, trees

__all__ = ["bucket", "s3"]
from tests.s3_server import bucket, s3


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings of a directory with a model."""
    saved(tmp_path / "models", trees())
    return Settings(_env_file=None, data_dir=tmp_path)


def test_files_are_predicted_and_the_job_is_listed(settings: Settings, tmp_path: Path) -> None:
    """One after the other, in the order given."""
    payments(4).head(2).write_csv(tmp_path / "a.csv")
    payments(4).tail(2).write_csv(tmp_path / "b.csv")
    out = tmp_path / "out.csv"

    done = fraudstream(settings, "predict", tmp_path / "a.csv", tmp_path / "b.csv", "--out", out, "--json")
    again = fraudstream(settings, "predict", tmp_path / "a.csv", "--out", out)
    jobs = json.loads(fraudstream(settings, "jobs", "list", "--json").stdout)

    told = json.loads(done.stdout)
    assert (0, 4, 4, 0) == (done.returncode, told["rows"], told["decided"], told["refused"])
    assert ["t0", "t1", "t2", "t3"] == pl.read_csv(out)["tid"].to_list()
    assert (2, True) == (again.returncode, "is there already" in again.stderr)
    assert [(told["job"], "done", 4, 4)] == [
        (job["id"], job["state"], job["progress"], job["total"]) for job in jobs
    ]


def test_a_model_version_is_chosen_by_its_number(settings: Settings, tmp_path: Path) -> None:
    """And what does not exist is said in a sentence, before anything is written."""
    saved(tmp_path / "models", trees())
    payments(2).write_parquet(tmp_path / "a.parquet")
    arguments = ("predict", tmp_path / "a.parquet", "--out", tmp_path / "out.parquet")

    absent = fraudstream(settings, *arguments, "--release", "active")
    done = fraudstream(settings, *arguments, "--model", "1.0")

    assert (2, "no release of event type card is active") == (absent.returncode, absent.stderr[7:46])
    assert 0 == done.returncode, done.stderr
    assert ["card-1.0"] == pl.read_parquet(tmp_path / "out.parquet")["model_version"].unique().to_list()


def test_the_active_release_decides_if_there_is_one(settings: Settings, tmp_path: Path) -> None:
    """As it does in workers; its name is in every row."""
    payments(2).write_csv(tmp_path / "a.csv")
    drafted = fraudstream(settings, "releases", "draft", "--why", "for a test")
    assert 0 == drafted.returncode, drafted.stderr

    done = fraudstream(
        settings, "predict", tmp_path / "a.csv", "--out", tmp_path / "out.csv", "--release", "1"
    )

    assert 0 == done.returncode, done.stderr
    assert ["card-1"] == pl.read_csv(tmp_path / "out.csv")["release"].unique().to_list()


def test_a_file_in_a_bucket_is_predicted(bucket: str, settings: Settings, tmp_path: Path) -> None:
    """It is copied first, and messages name its place."""
    import boto3

    payments(3).write_csv(tmp_path / "a.csv")
    boto3.client("s3").upload_file(str(tmp_path / "a.csv"), bucket, "new/a.csv")

    done = fraudstream(settings, "predict", f"s3://{bucket}/new/", "--out", tmp_path / "out.csv")

    assert 0 == done.returncode, done.stderr
    assert 3 == pl.read_csv(tmp_path / "out.csv").height


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name files and --out, or one event with --event"),
        (("a.csv", "--out", "b.txt"), "the name must end with .csv or .parquet"),
        (("a.csv", "--out", "b.csv", "--release", "1", "--model", "1.0"), "not both"),
        (("a.csv", "--event", "-"), "--event takes neither files nor --out"),
        (("absent.csv", "--out", "b.csv"), "there is no file absent.csv"),
    ],
)
def test_wrong_usage_is_said_in_a_sentence(arguments: tuple[str, ...], said: str, settings: Settings) -> None:
    """With code 2."""
    done = fraudstream(settings, "predict", *arguments)

    assert 2 == done.returncode
    assert said in done.stderr
    assert not Path("b.csv").exists()
