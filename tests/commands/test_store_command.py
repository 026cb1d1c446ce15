"""`fraudstream store`: make, load and check, whatever the store is; and going on after an interruption."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fraudstream.adapters.weekly.files import write_snapshot
from fraudstream.domain.weekly import day_of, midnight_before
from fraudstream.settings import Settings
from tests.commands.running import begin, fraudstream
from tests.sagemaker import credentials
from tests.shared import PATIENCE_S

CARDS = 3500
TODAY = midnight_before(int(datetime.now(UTC).timestamp() * 1000))


def write(settings: Settings, factor: float = 1.0) -> None:
    """Compute weeks of many cards as of today."""
    cards = [f"{number:032x}" for number in range(CARDS)]
    columns = {
        "card": cards,
        "payments": [1 + number % 90 for number in range(CARDS)],
        "mean_amount": [factor * (number + 1) / 7 for number in range(CARDS)],
    }
    write_snapshot(settings.weekly_dir, TODAY, pl.DataFrame(columns))


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Yield the URLs of a Feature Store in a process of its own."""
    credentials(monkeypatch)
    command = [sys.executable, "-m", "tests.fake_feature_store", "--others-per-s", "2000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()


@pytest.fixture
def settings(tmp_path: Path, endpoint: dict[str, str]) -> Settings:
    """Return settings of a feature group that is not made, with weeks computed."""
    made = Settings(
        _env_file=None,
        data_dir=tmp_path / "data",
        weekly_store="sagemaker://cards-weekly",
        weekly_endpoint_url=endpoint["url"],
        weekly_region="eu-central-1",
    )
    write(made)
    return made


def told(settings: Settings, *arguments: str, code: int = 0) -> dict[str, Any]:
    """Run `fraudstream store ... --json` and return what it says."""
    done = fraudstream(settings, "store", *arguments, "--json")
    assert code == done.returncode, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("kind", ["snapshot", "disk", "sagemaker://cards-weekly"])
def test_a_store_is_made_loaded_and_checked(settings: Settings, kind: str) -> None:
    """The same four commands for every kind of store."""
    settings = settings.model_copy(update={"weekly_store": kind})
    assert {"store": settings.weekly_store, "created": settings.weekly_store != "snapshot"} == told(
        settings, "create"
    )
    assert not told(settings, "create")["created"]
    loaded = told(settings, "load")
    assert (day_of(TODAY), CARDS, 0) == tuple(loaded[name] for name in ("as_of", "cards", "resumed_at"))
    assert {day_of(TODAY): CARDS} == told(settings, "describe")["nights"]
    checked = told(settings, "check", "--cards", "500")

    assert {"as_of": day_of(TODAY), "cards": 550, "differing": 0, "first": []} == checked


def test_a_check_tells_what_differs(settings: Settings) -> None:
    """Exit code 1, and the first cards in full."""
    settings = settings.model_copy(update={"weekly_store": "disk"})
    told(settings, "create")
    told(settings, "load")
    write(settings, factor=2.0)

    checked = told(settings, "check", "--cards", "50", code=1)

    assert 50 == checked["differing"]
    first = checked["first"][0]
    assert first["computed"] == [first["stored"][0], 2 * first["stored"][1]]


def test_a_midnight_that_is_not_loaded_is_told(settings: Settings) -> None:
    """With what to run."""
    told(settings, "create")

    done = fraudstream(settings, "store", "check")

    assert 1 == done.returncode
    assert f"has nothing, not as of {day_of(TODAY)}; load it with: fraudstream store load" in done.stdout


def test_without_aggregates_the_sentence_says_what_to_run(settings: Settings) -> None:
    """Exit code 2, as for everything a user can correct."""
    done = fraudstream(settings, "store", "load", "--as-of", "2020-02-03")

    assert 2 == done.returncode
    assert "compute them with: fraudstream aggregate --as-of 2020-02-03" in done.stderr


def test_an_interrupted_load_goes_on_where_it_stopped(settings: Settings) -> None:
    """Killed after the first part; nothing is published until all of it is there."""
    told(settings, "create")
    loading = begin(settings, "store", "load", "--puts-per-s", "500")
    deadline = time.monotonic() + PATIENCE_S
    while not list((settings.data_dir / "loading").glob("*.json")):
        assert time.monotonic() < deadline
        assert loading.poll() is None
        time.sleep(0.05)
    os.killpg(loading.pid, signal.SIGKILL)
    loading.communicate()
    assert {} == told(settings, "describe")["nights"]

    assert told(settings, "load")["resumed_at"] in {1000, 2000, 3000}
    assert 0 == told(settings, "check")["differing"]


def test_a_store_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    """Exit code 2 and what to run."""
    settings = Settings(_env_file=None, data_dir=tmp_path, weekly_store="disk")

    done = fraudstream(settings, "store", "describe")

    assert 2 == done.returncode
    assert "create it with: fraudstream store create" in done.stderr


@pytest.mark.parametrize(
    ("refusal", "code", "said"),
    [("AccessDeniedException", 2, "the AWS credentials"), ("ServiceUnavailable", 75, "is unavailable")],
)
def test_only_errors_that_may_pass_are_code_75(
    settings: Settings, endpoint: dict[str, str], refusal: str, code: int, said: str
) -> None:
    """A nightly job may try that again."""
    fault = json.dumps({"refusal": refusal}).encode()
    urllib.request.urlopen(urllib.request.Request(endpoint["control_url"], fault, method="PUT")).close()

    done = fraudstream(settings, "store", "describe")

    assert code == done.returncode
    assert said in done.stderr
    assert 1 == len(done.stderr.splitlines())
