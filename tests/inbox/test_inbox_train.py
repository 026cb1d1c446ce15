"""A file of payments starts one training, whatever is killed, and its version says which file it is of."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.models.training import training
from fraudstream.domain.registry.manifest import MODEL_FILE
from fraudstream.domain.registry.version_log import Action, State
from fraudstream.inbox.actions import ACTIONS, Task
from fraudstream.settings import Settings
from fraudstream.world.generate import generate
from fraudstream.world.world import World
from tests.inbox.inboxes import inbox, killed, records, settled

SHA256 = "5" * 64


@pytest.fixture(scope="module")
def payments(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return two weeks of payments as one Parquet file."""
    root = tmp_path_factory.mktemp("world")
    generate(World(seed=1, cards=400, days=14, payments=20_000, start=date(2020, 1, 1)), root / "history")
    frame = pl.read_parquet(root / "history" / "date=*" / "*.parquet", hive_partitioning=False)
    frame.write_parquet(root / "payments.parquet")
    return (root / "payments.parquet").read_bytes()


@pytest.mark.parametrize("step", ["started", "acted"])
def test_whatever_is_killed_a_file_trains_one_version(step: str, payments: bytes, tmp_path: Path) -> None:
    """In the midst of importing or training, and after the version was saved and before that is on record."""
    place = tmp_path / "new"
    place.mkdir()
    (place / "payments.parquet").write_bytes(payments)
    arguments = ("run", place, "--action", "train", "--once", "--settle", "0.2", "--training", "--rounds 5")

    killed(tmp_path, step, *arguments)
    done = settled(tmp_path, *arguments)
    again = inbox(tmp_path, *arguments)

    assert (0, 0) == (done.returncode, again.returncode), done.stderr
    (record,) = records(tmp_path)
    registry = Registry.at(tmp_path / "models", "card")
    (saved,) = (entry for entry in registry.log().entries if entry.action is Action.SAVE)
    assert ("done", str(saved.version)) == (record["state"], record["outcome"]["version"])
    assert f"trained by the file payments.parquet of an inbox, SHA-256 {record['sha256']}" == saved.why
    assert record["outcome"]["activated"] == (registry.log().states[saved.version] is State.ACTIVE)


def test_a_training_that_ended_between_saving_and_activating_is_completed(tmp_path: Path) -> None:
    """The look for its effect does what is missing, once."""
    settings = Settings(_env_file=None, data_dir=tmp_path)
    registry = Registry.at(tmp_path / "models", "card")
    task = Task(tmp_path / "a.csv", "a.csv", SHA256, tmp_path, settings)
    assert ACTIONS["train"].outcome(task) is None
    for activated in (True, False):
        with training(registry) as made:
            manifest = {"features": ["amount"], "threshold": 0.25}
            manifest |= {"activation": {"activated": activated, "why": "it is better"}}
            made.save(
                manifest, {MODEL_FILE: b"trees"}, f"trained by the file a.csv of an inbox, SHA-256 {SHA256}"
            )

        outcomes = [ACTIONS["train"].outcome(task) for _ in range(2)]

        assert [{"version": str(made.version), "activated": activated}] * 2 == outcomes
        assert "1.0" == str(registry.log().active)
