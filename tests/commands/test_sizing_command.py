"""`fraudstream sizing`: options, JSON, and that docs/sizing.md shows what it prints."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fraudstream.commands.sizing import sizing
from fraudstream.sizing.assumptions import Assumptions, declared
from fraudstream.sizing.model import sized

PAGE = Path(__file__).parents[2] / "docs/sizing.md"


def run(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(sizing, arguments)


@pytest.mark.parametrize("rate", [100_000, 1_000_000])
def test_the_page_shows_what_the_command_prints(rate: int) -> None:
    """If this is red, put what the command prints below its line in docs/sizing.md."""
    options = f"--payments-per-second {rate}"
    shown = re.search(
        rf"^    fraudstream sizing {options}\n\n((?:    .*\n)+)", PAGE.read_text(), re.MULTILINE
    )

    assert shown is not None
    assert run(*options.split()).output == re.sub(r"^    ", "", shown[1], flags=re.MULTILINE)


def test_the_page_names_every_assumption() -> None:
    """With its default, and where that is from; `--help` says the same."""
    page, help_text = PAGE.read_text(), " ".join(run("--help").output.split())

    for figure in declared():
        row = f"| `--{figure.name.replace('_', '-')}` | {figure.default:,} | {figure.metadata['about']} | {figure.metadata['source']} |"
        assert row in page
        assert f"[default: {figure.default:,}; {figure.metadata['source']}]" in help_text


def test_json_has_the_assumptions_and_what_follows_from_them() -> None:
    """A script sees with which figures it was computed."""
    found = json.loads(run("--payments-per-second", "5000", "--replication", "2", "--json").output)
    given = Assumptions(payments_per_second=5_000, replication=2)

    assert {"assumptions": asdict(given), "sizing": asdict(sized(given))} == found


@pytest.mark.parametrize(
    "wrong", [("--worker-load", "0"), ("--mean-share", "1.5"), ("--replication", "0"), ("--cards", "-1")]
)
def test_what_cannot_be_is_refused(wrong: tuple[str, str]) -> None:
    """A share is at most 1, and nothing is divided by zero."""
    assert 2 == run(*wrong).exit_code
