"""A data directory whose name means something to patterns, SQL, URLs and shells: to us it is a name."""

import asyncio
from pathlib import Path

from fraudstream.settings import Settings
from tests.commands.running import fraudstream
from tests.end_to_end.harness import Worker, settled

ODD = "odd [1] it's d*ta ü %41 #2?"


def test_a_data_directory_may_have_any_name(kafka_settings: Settings, tmp_path: Path) -> None:
    """From the history to the archive, through the commands that users run."""
    odd = tmp_path / ODD
    settings = kafka_settings.model_copy(
        update={"data_dir": odd, "state_dir": odd / "state", "weekly_store": "disk"}
    )

    def run(*command: str | Path) -> str:
        done = fraudstream(settings, *command)
        assert 0 == done.returncode, done.stderr
        return done.stdout

    assert ODD in run("generate", "--cards", "300", "--days", "20")
    assert "weekly aggregates of " in run("aggregate")
    assert ODD in run("train", "--activate", "always")
    run("store", "create")
    run("store", "load")
    assert " 0 differ" in run("store", "check")
    with Worker(settings):
        day = sorted(settings.history_dir.glob("date=*"))[-1]
        assert ", 0 errors" in run("produce", "replay", day / "payments.parquet", "--speed", "max")
        asyncio.run(settled(settings))
    run("archive", "run", "--once")
    run("archive", "compact")
    assert day.name.removeprefix("date=") in run("archive", "find", "--limit", "1")
    run("aggregate", "--force", "--history", Path(settings.archive_place))
    assert [odd] == list(tmp_path.iterdir())
