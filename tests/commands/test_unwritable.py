"""A data directory that nobody can write: one sentence from every command that would, and the set-up code."""

from pathlib import Path

import pytest

from fraudstream.settings import Settings
from tests.commands.running import fraudstream

WRITING = (
    ("generate", "--cards", "5", "--days", "2"),
    ("aggregate",),
    ("train",),
    ("worker",),
    ("tokens", "rotate", "--from", "2030-01-01T00:00:00Z"),
    ("broker", "up"),
)


@pytest.mark.parametrize("command", WRITING, ids=" ".join)
def test_a_data_directory_that_cannot_be_is_a_sentence(tmp_path: Path, command: tuple[str, ...]) -> None:
    """There is a file in its place, which not even root can write below; the sentence names the path."""
    place = tmp_path / "file"
    place.touch()
    settings = Settings(_env_file=None, data_dir=place / "data", broker="127.0.0.1:9", web_port=0)
    done = fraudstream(settings, *command)

    assert 2 == done.returncode
    assert "Traceback" not in done.stderr
    assert str(place) in done.stderr
