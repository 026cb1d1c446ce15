"""FRAUDSTREAM_EVENT_TYPE takes a path: commands, workers and the processes that they start read that file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fraudstream.parity import proof
from fraudstream.settings import Settings
from tests.commands.running import COMMAND
from tests.domain.declared_mistakes import VALID

YEN = 'name = "yen"\n[entity]\nfield = "cc_num"\n[amount]\nfield = "amount"\ncurrency = "JPY"\n'

BEGUN = """
from fraudstream.app import Ports, create_app
from fraudstream.process.logs import configure_logging
from fraudstream.settings import Settings
from tests.builders import CountingModel, SameWeek

configure_logging("info")
create_app(Settings(), Ports(SameWeek(), CountingModel()))
"""
"""A worker up to the moment at which it would connect."""


def run(directory: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a directory whose `.env` names a file beside it."""
    (directory / ".env").write_text("FRAUDSTREAM_EVENT_TYPE=./my types/own.toml\nFRAUDSTREAM_WEB=false\n")
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        command,
        cwd=directory,
        env=os.environ | {"FRAUDSTREAM_DATA_DIR": str(directory / "data"), "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Return where a file of one's own is."""
    (tmp_path / "my types").mkdir()
    return tmp_path / "my types" / "own.toml"


def test_a_command_reads_the_file(tmp_path: Path, own: Path) -> None:
    """Half a yen is no amount; half a dollar would be."""
    own.write_text(YEN)
    (tmp_path / "p.csv").write_text("cc_num,amount,event_time\n4006080197832643,0.5,2026-01-01T00:00:00Z\n")
    done = run(tmp_path, *COMMAND, "history", "import", "p.csv", "--dry-run")

    assert 2 == done.returncode
    assert "amount-decimals" in done.stderr


def test_a_mistake_in_the_file_ends_a_command_with_its_line(tmp_path: Path, own: Path) -> None:
    """The path is as it was given."""
    own.write_text(YEN.replace("JPY", "YEN"))
    done = run(tmp_path, *COMMAND, "aggregate", "--history", ".")

    assert 2 == done.returncode
    assert (
        "Error: my types/own.toml, line 6, amount.currency: 'YEN' is not a currency code"
        in done.stderr.replace("./my", "my")
    )


def test_a_worker_logs_the_event_type_at_its_start(tmp_path: Path, own: Path) -> None:
    """Beside the model and the rules that it decides with."""
    own.write_text(VALID)
    done = run(tmp_path, sys.executable, "-c", BEGUN)

    assert 0 == done.returncode, done.stderr
    assert "event type payout, model " in done.stderr


def test_the_worker_of_a_proof_gets_the_path() -> None:
    """With the other settings of this process."""
    settings = Settings(_env_file=None, event_type="./my types/own.toml")

    assert "./my types/own.toml" == proof._environment(settings, 2)["FRAUDSTREAM_EVENT_TYPE"]


@pytest.mark.parametrize(
    "path", ["payout.toml", "./payout.toml", "/etc/fraudstream/Payout 2.toml", "../x.toml"]
)
def test_any_path_is_a_value(path: str) -> None:
    """If it ends as event types do."""
    assert path == Settings(_env_file=None, event_type=path).event_type
