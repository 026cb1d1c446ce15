"""A wheel without its extras: every command that needs one says which, instead of a traceback."""

import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from fraudstream.adapters.extras import EXTRAS, extras_named
from fraudstream.settings import Settings
from tests.commands.running import environment

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"

NOT_OF_THE_WHEEL = {"bench", "dev", "docs"}
"""Extras for our own benchmarks, tests and documentation, which the wheel does not hold."""


def hiding(libraries: Iterable[str]) -> str:
    """Return what makes Python find none of these libraries, as if they were not installed."""
    return f"""
import sys
from importlib.machinery import PathFinder

class Finder(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {set(libraries)} else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Finder
"""


COMMAND = f"{hiding(EXTRAS)}\nfrom fraudstream.cli import main\nmain()"

FAUST = f"{hiding(EXTRAS)}\nimport fraudstream.worker"

WITHOUT_CODECS = f"{hiding(['cramjam'])}\nfrom fraudstream.cli import main\nmain()"


def without_extras(
    directory: Path, *arguments: str, program: str = COMMAND, **given: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command where nothing but the worker's own libraries is installed, and no Java."""
    settings = Settings(_env_file=None, data_dir=directory, broker="127.0.0.1:9", web_port=0, **given)
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=environment(settings) | {"JAVA_HOME": "", "PATH": ""},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("extra", "command", "given"),
    [
        ("offline", "train", {}),
        ("offline", "aggregate", {}),
        ("offline", "aggregate --catch-up", {}),
        ("offline", "parity", {}),
        ("offline", "parity --made-up", {}),
        ("demo", "demo --plain", {}),
        ("spark", "aggregate --engine spark", {}),
        ("spark", "backtest --engine spark", {}),
        ("spark", "etl raw.csv --out made --engine spark", {}),
        ("spark", "predict payments.csv --out decided.csv --engine spark", {}),
        ("broker", "broker up", {}),
        ("aws", "archive run --once", {"archive": "s3://bucket/prefix"}),
        ("aws", "archive compact", {"archive": "s3://bucket/prefix"}),
        ("redis", "worker", {"weekly_store": "redis://127.0.0.1:9/0"}),
        ("redis", "store create", {"weekly_store": "redis://127.0.0.1:9/0"}),
        ("aws", "worker", {"weekly_store": "sagemaker://weekly"}),
        ("aws", "store create", {"weekly_store": "sagemaker://weekly"}),
    ],
)
def test_what_needs_an_extra_names_it(
    tmp_path: Path, extra: str, command: str, given: dict[str, Any]
) -> None:
    """Before it looks for data, a model or a broker: those cannot be made without the extra either."""
    done = without_extras(tmp_path, *command.split(), **given)

    assert f"pip install 'fraudstream[{extra}]'" in done.stderr
    assert 2 == done.returncode
    assert "Traceback" not in done.stderr


def test_a_worker_under_fausts_command_line_names_the_extra_too(tmp_path: Path) -> None:
    """Which imports the app by a way of its own."""
    done = without_extras(tmp_path, program=FAUST, weekly_store="redis://127.0.0.1:9/0")

    assert 2 == done.returncode
    assert "redis is not installed; this needs fraudstream[redis]" in done.stderr


def test_a_worker_that_starts_the_nightly_job_needs_what_the_job_needs(
    small_world: Path, tmp_path: Path
) -> None:
    """Said when it starts, not in a night's log."""
    done = without_extras(small_world, "worker", nightly_cron="10 0 * * *", state_dir=tmp_path / "state")

    assert 2 == done.returncode
    assert "FRAUDSTREAM_NIGHTLY_CRON needs fraudstream[offline]" in done.stderr


def test_a_worker_without_codecs_is_refused_before_it_meets_a_compressed_payment(
    small_world: Path, tmp_path: Path
) -> None:
    """It could not read it, nor anything behind it; producers choose their codec without asking."""
    done = without_extras(small_world, "worker", program=WITHOUT_CODECS, state_dir=tmp_path / "state")

    assert 2 == done.returncode, done.stderr
    assert "records compressed with snappy, lz4, zstd cannot be read" in done.stderr
    assert "pip install cramjam" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_and_a_world_need_no_extra(tmp_path: Path) -> None:
    """The worker's own refusals come as always, and `generate` just works."""
    made = without_extras(tmp_path, "generate", "--cards", "5", "--days", "2")
    refused = without_extras(tmp_path, "worker")

    assert (0, 2) == (made.returncode, refused.returncode)
    assert "train one with: fraudstream train" in refused.stderr


def test_every_library_of_an_extra_has_its_extra_named() -> None:
    """A library that is added to pyproject.toml is a sentence from then on."""
    extras = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"]
    brought = {
        (_name(requirement), extra)
        for extra, requirements in extras.items()
        for requirement in requirements
        if extra not in NOT_OF_THE_WHEEL and _name(requirement) != "fraudstream"
    }
    brings = packages_distributions()

    named = {(brings[module][0].lower(), extra) for module, extra in EXTRAS.items()}
    assert {library for library, _ in brought} == {library for library, _ in named}
    assert named <= brought


def test_any_other_module_that_is_missing_stays_a_bug() -> None:
    """Nobody is sent to install an extra that would not help."""
    with pytest.raises(ModuleNotFoundError, match="no_such_module"), extras_named():
        __import__("no_such_module")


def _name(requirement: str) -> str:
    """Return the name of a requirement: `scikit-learn>=1.9` is scikit-learn."""
    return requirement.partition(">")[0].partition("[")[0].strip().lower()
