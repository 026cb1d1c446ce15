"""`fraudstream jobs` as users run it."""

import json
from pathlib import Path

from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.jobs import Jobs, State
from fraudstream.settings import Settings
from tests.commands.running import fraudstream


def test_jobs_are_listed_shown_and_cancelled(tmp_path: Path) -> None:
    """By a process that knows nothing of the one that works."""
    settings = Settings(_env_file=None, data_dir=tmp_path)
    nothing = fraudstream(settings, "jobs", "list")
    jobs = Jobs(opened(settings.database_url))
    jobs.start("predict-1", "predict", "a.csv", 2_000).beat(1_500)

    listed, shown = fraudstream(settings, "jobs", "list"), fraudstream(settings, "jobs", "show", "predict-1")
    told = json.loads(fraudstream(settings, "jobs", "show", "predict-1", "--json").stdout)
    cancelled = fraudstream(settings, "jobs", "cancel", "predict-1")
    absent = fraudstream(settings, "jobs", "cancel", "predict-2")

    assert (0, "") == (nothing.returncode, nothing.stdout)
    assert "there are no jobs" in nothing.stderr
    assert "predict-1" in listed.stdout
    assert "1,500 of 2,000" in listed.stdout
    assert "state      running" in shown.stdout
    assert ("running", 1_500, False) == (told["state"], told["progress"], told["silent"])
    assert (0, State.CANCELLING) == (cancelled.returncode, jobs.find("predict-1").state)
    assert 2 == absent.returncode
    assert "there is no job predict-2; see: fraudstream jobs list" in absent.stderr
