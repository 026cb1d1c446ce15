"""`fraudstream preflight` as users run it: what is missing, and what makes it."""

import json
from pathlib import Path

import pytest

from fraudstream.process.ports import free_port
from fraudstream.settings import Settings
from tests.commands.running import fraudstream

pytestmark = pytest.mark.timeout(200)


def test_in_an_empty_directory_every_missing_step_names_its_command(tmp_path: Path) -> None:
    """One that fails does not hide the others, and looking makes nothing."""
    data = tmp_path / "data"
    settings = Settings(_env_file=None, data_dir=data, broker=f"127.0.0.1:{free_port('127.0.0.1')}")
    done = fraudstream(settings, "preflight", "--json")
    told = json.loads(done.stdout)
    steps = {each["name"]: (each["state"], each["command"]) for each in told["steps"]}

    assert (1, False) == (done.returncode, told["ready"])
    assert ("ok", "") == steps["event type"]
    assert ("away", "fraudstream broker start") == steps["broker"]
    assert ("missing", "fraudstream train") == steps["model"]
    assert ("later", "fraudstream aggregate") == steps["weekly aggregates"]
    assert "later" == steps["token keys"][0] == steps["database"][0] == steps["archive"][0]
    assert not data.exists() or [] == list(data.rglob("*.key")) + list(data.rglob("*.db"))


def test_where_all_is_there_workers_can_decide(kafka_settings: Settings, small_world: Path) -> None:
    """With a broker, topics, weekly aggregates and a model; the rest may come later."""
    settings = kafka_settings.model_copy(update={"data_dir": small_world})
    done = fraudstream(settings, "preflight")

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "ok       topics" in done.stdout
    assert "later    release" in done.stdout
    assert "-> fraudstream releases draft" in done.stdout
