"""`fraudstream teardown` as users run it: names all, asks, removes in order, survives what is absent."""

import json
from pathlib import Path

import pytest

from fraudstream.adapters.database.engine import opened
from fraudstream.installation.teardown import KINDS
from fraudstream.settings import Settings
from tests.commands.running import fraudstream
from tests.end_to_end.harness import Worker, decided_more, produce
from tests.end_to_end.test_worker import encoded, payments
from tests.models import saved
from tests.notebook.test_open import trees

pytestmark = pytest.mark.timeout(200)


def filled(settings: Settings) -> Path:
    """Make something of each kind of file; return the data directory."""
    data = settings.data_dir
    saved(data / "models", trees())
    for path in (settings.history_dir, settings.weekly_dir, data / "archive", settings.worker_state_dir):
        path.mkdir(parents=True)
        (path / "file").write_text("x")
    opened(settings.database_url).dispose()
    (data / "fraudstream.db.cases").touch()
    settings.card_token_key()
    (data / "mine.txt").write_text("kept")
    return data


def test_all_is_named_and_removed_in_order_and_nothing_else(kafka_settings: Settings) -> None:
    """Once without an answer, once with --yes, and once more when nothing is there; keys and files of others stay."""
    data = filled(kafka_settings)
    asked = fraudstream(kafka_settings, "teardown")
    named = [line.split()[0] for line in asked.stdout.splitlines()[:-1]]
    shown = json.loads(fraudstream(kafka_settings, "teardown", "--dry-run", "--json").stdout)

    assert 1 == asked.returncode
    assert ("topics", "state", "weekly", "models", "archive", "history", "database") == tuple(
        dict.fromkeys(named)
    )
    assert len(shown["things"]) == len(named)
    assert (data / "models").exists()

    done = fraudstream(kafka_settings, "teardown", "--yes")
    assert 0 == done.returncode, done.stderr
    assert {"card-token.key", "mine.txt"} == {path.name for path in data.rglob("*") if path.is_file()}
    again = fraudstream(kafka_settings, "teardown", "--yes")
    assert (0, "there is nothing to remove") == (again.returncode, again.stderr.strip().splitlines()[-1])
    assert 0 == fraudstream(kafka_settings, "teardown", "--only", "keys", "--yes").returncode
    assert ["mine.txt"] == [path.name for path in data.rglob("*") if path.is_file()]


def test_without_a_broker_only_files_can_be_removed(tmp_path: Path) -> None:
    """The order is kept: whoever wants more has to say so."""
    settings = Settings(_env_file=None, data_dir=tmp_path / "data", broker="127.0.0.1:9")
    data = filled(settings)

    assert 75 == fraudstream(settings, "teardown", "--yes").returncode
    assert (data / "models").exists()
    only = [word for kind in KINDS if kind != "topics" for word in ("--only", kind)]
    assert 0 == fraudstream(settings, "teardown", "--yes", *only).returncode
    assert ["mine.txt"] == [path.name for path in data.rglob("*") if path.is_file()]


async def test_while_a_worker_runs_nothing_is_removed(kafka_settings: Settings) -> None:
    """It would lose its state and its topics."""
    with Worker(kafka_settings) as worker:
        await produce(kafka_settings, [encoded(payments(1, 1)[0])])
        await decided_more(kafka_settings, worker, 1)
        done = fraudstream(kafka_settings, "teardown", "--yes")

        assert 2 == done.returncode, done.stderr
        assert "stop workers" in done.stderr
