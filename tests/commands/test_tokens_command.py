"""`fraudstream tokens`, as users run it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fraudstream.settings import Settings
from tests.commands.running import fraudstream


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings with a key."""
    made = Settings(_env_file=None, data_dir=tmp_path)
    made.tokenizer()
    return made


def test_a_key_is_added_and_listed_without_secrets(settings: Settings) -> None:
    """It counts from the next midnight on, and the one before is still in use."""
    added = fraudstream(settings, "tokens", "rotate", "--json")
    listed = fraudstream(settings, "tokens", "list")
    rows = json.loads(fraudstream(settings, "tokens", "list", "--json").stdout)
    midnight = json.loads(added.stdout)["from"]
    secrets = [
        line.split()[0].split(":")[-1] for line in settings.card_token_key_path.read_text().splitlines()
    ]

    assert (0, 0) == (added.returncode, listed.returncode)
    assert [(0, None, True), (1, midnight, False)] == [(r["number"], r["from"], r["in_use"]) for r in rows]
    assert midnight.endswith("T00:00:00+00:00")
    assert timedelta() < datetime.fromisoformat(midnight) - datetime.now(UTC) <= timedelta(days=1, minutes=11)
    assert not any(secret[:16] in added.stdout + listed.stdout + listed.stderr for secret in secrets)


@pytest.mark.parametrize(
    ("since", "sentence"),
    [
        ("2020-01-01T00:00:00Z", "a new key must not be used before"),
        ("tomorrow", "--from: from= must be a time with its zone"),
        ("2030-01-01T00:00:00", "--from: from= must be a time with its zone"),
    ],
)
def test_a_time_that_is_too_close_is_refused(settings: Settings, since: str, sentence: str) -> None:
    """Workers have to be restarted before it."""
    before = settings.card_token_key_path.read_text()
    refused = fraudstream(settings, "tokens", "rotate", "--from", since)

    assert (2, before) == (refused.returncode, settings.card_token_key_path.read_text())
    assert sentence in refused.stderr


def test_without_a_key_there_is_nothing_to_list(tmp_path: Path) -> None:
    """And none is made by looking."""
    settings = Settings(_env_file=None, data_dir=tmp_path)
    listed = fraudstream(settings, "tokens", "list")

    assert 2 == listed.returncode
    assert "there is no card token key" in listed.stderr
    assert not settings.card_token_key_path.exists()
