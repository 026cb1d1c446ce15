"""A training that is killed, or for which no space is left: nothing half-written is ever active, and the next one goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.models.training import DIED, training
from fraudstream.commands.models import models
from fraudstream.domain.registry.manifest import MODEL_FILE
from fraudstream.domain.registry.store import TrainingUnderWay
from fraudstream.world.generate import generate
from fraudstream.world.world import World

LEASE_S = 3.0
BEGINS = """
import sys, time
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.models.training import training

with training(Registry.at(sys.argv[1], "card"), 1, float(sys.argv[2])):
    print("begun", flush=True)
    time.sleep(600)
"""
FIELDS = {"features": ["amount"], "threshold": 0.25}


def test_a_killed_training_has_failed_after_its_lease_and_the_next_takes_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then a training of the same major version is refused; what the dead one has is shown, with the reason."""
    registry = Registry.at(tmp_path / "models", "card")
    with training(registry) as made:
        made.save(FIELDS, {MODEL_FILE: b"trees"})
    dead = subprocess.Popen(
        [sys.executable, "-c", BEGINS, str(tmp_path / "models"), str(LEASE_S)], stdout=subprocess.PIPE
    )
    assert dead.stdout is not None
    assert b"begun\n" == dead.stdout.readline()
    os.kill(dead.pid, signal.SIGKILL)
    dead.wait()

    begun = []
    while not begun:
        try:
            with training(registry, 1, LEASE_S) as made:
                made.save(FIELDS, {MODEL_FILE: b"trees"})
                begun.append(str(made.version))
        except TrainingUnderWay:
            time.sleep(0.1)

    monkeypatch.setenv("FRAUDSTREAM_DATA_DIR", str(tmp_path))
    states = {str(version): state.value for version, state in registry.log().states.items()}
    assert {"1.0": "READY", "1.1": "FAILED", "1.2": "READY"} == states
    assert ["1.2"] == begun
    said = CliRunner().invoke(models, ["show", "1.1"]).stdout
    assert "card 1.1: FAILED" in said
    assert DIED in said
    shown = json.loads(CliRunner().invoke(models, ["show", "1.1", "--json"]).stdout)
    assert ("1.1", "FAILED", ["begin", "fail"]) == (
        shown["version"],
        shown["state"],
        [entry["action"] for entry in shown["history_of_version"]],
    )


def test_without_space_for_the_model_nothing_is_active_and_a_later_start_may_succeed(tmp_path: Path) -> None:
    """Code 75; the version has failed, with the reason, and nothing of it is left."""
    generate(World(seed=1, cards=400, days=14, payments=20_000, start=date(2020, 1, 1)), tmp_path / "history")
    command = 'ulimit -f 16 && exec "$0" -m fraudstream train'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable],
        env=os.environ | {"FRAUDSTREAM_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert 75 == done.returncode, done.stderr
    assert "a file has reached the limit of file sizes" in done.stderr
    registry = Registry.at(tmp_path / "models", "card")
    log = registry.log()
    assert (["FAILED"], None) == ([state.value for state in log.states.values()], log.active)
    assert [] == registry.store.names("card/1.0/")
