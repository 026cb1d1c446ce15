"""The tutorial's commands are typed, in their order, beside a running demo."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_demo import Demo, data_dir, demo_of

__all__ = ["data_dir", "demo_of"]

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "docs/tutorial.md").read_text()
TYPED = [
    line for line in re.findall(r"^    (\S.*)$", TUTORIAL, re.MULTILINE) if line.startswith("fraudstream ")
]

pytestmark = [pytest.mark.kafka, pytest.mark.process]


def typed(line: str, data: Path, broker: str) -> str:
    """Type a command as a reader does and return what it says; it must end with 0."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", line],
        env={**os.environ, "PATH": path, "FRAUDSTREAM_DATA_DIR": str(data), "FRAUDSTREAM_BROKER": broker},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert 0 == done.returncode, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_every_command_of_the_tutorial_does_what_it_says(data_dir: Path, demo_of: list[Demo]):
    """From the demo's rules to a release with an own rule, and back."""
    assert 13 == len(TYPED)
    demo = Demo(data_dir, "--plain")
    demo_of.append(demo)
    demo.until("worker: running")

    broker = re.findall(r"Apache Kafka \S+ at (\S+)", demo.said)[-1]

    said = [typed(line, data_dir, broker) for line in TYPED]

    listed, added, guessed, edited, improved, drafted, checked, activated, applied, *_, history = said
    assert "2 rules" in listed
    assert "rare-and-large: 3 rules" in added
    assert "rare-and-large: 3 rules" in edited
    assert "rule rare-and-large" in guessed
    assert "and no other rule" in improved
    assert drafted.startswith("card-1: ")
    assert "card-1 is CHECKED" in checked
    assert "card-1 decides" in activated
    assert re.search(r"champion +1 +applied", applied)
    assert re.search(r"\b2 .*ACTIVE", history)
