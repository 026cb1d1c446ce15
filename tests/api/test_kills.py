"""Worker, API and broker are killed under load: every answer is the one decision that the topic has."""

from pathlib import Path

import pytest

from tests.api.killing import KILLED, Found, under_kills

pytestmark = pytest.mark.timeout(420)


async def test_no_answer_contradicts_the_topic_whatever_is_killed(tmp_path: Path) -> None:
    """A kill costs time, and nothing else; what is asked for twice counts once."""
    assert Found(240, len(KILLED), [], []) == await under_kills(tmp_path, 10, 24)
