"""Reasons of dead letters in words, and the command."""

import re
from pathlib import Path

import pytest
from aiokafka.structs import ConsumerRecord

from fraudstream.dead_letters.letters import UNREADABLE, Letter, read
from fraudstream.dead_letters.words import REASONS
from fraudstream.deciding.dead_letters import DeadLetter

ROOT = Path(__file__).parents[2]


def letter(value: bytes) -> Letter:
    """Return a letter as it is read."""
    return read(ConsumerRecord("dead-letters", 3, 1042, 9, 0, None, value, None, 0, 0, ()))


def published(**said: object) -> Letter:
    """Return a letter as a worker writes it."""
    plain = {
        "reason": "empty",
        "detail": "",
        "topic": "t",
        "partition": 0,
        "offset": 1,
        "timestamp": 2,
        "payload": "",
    }
    return letter(DeadLetter(**plain | said).encode())  # type: ignore[arg-type]


def test_every_reason_that_is_documented_has_words() -> None:
    """And every one that has words is documented."""
    page = (ROOT / "docs/reference/dead-letters.md").read_text()

    assert REASONS.keys() == set(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE))


@pytest.mark.parametrize("value", [b"", b"{}", b"\xff", b'{"reason": 4006080197832643}'])
def test_what_is_no_dead_letter_says_so(value: bytes) -> None:
    """Whoever wrote it."""
    found = letter(value)

    assert (UNREADABLE, "3-1042", True) == (found.said.reason, found.id, bool(found.why_not))
    assert "4006080197832643" not in found.said.payload


@pytest.mark.parametrize(
    ("said", "can"),
    [
        ({"reason": "invalid-field"}, True),
        ({"reason": "poison"}, True),
        ({"reason": "conflict"}, False),
        ({"reason": "undecodable"}, False),
        ({"reason": "invalid-field", "number": 2}, False),
        (
            {
                "reason": "unpublishable",
                "detail": "too large: the payment counts, but this was not published",
            },
            False,
        ),
        (
            {
                "reason": "unpublishable",
                "detail": "x: the payment was not repartitioned, so it is not decided",
            },
            True,
        ),
    ],
)
def test_only_what_has_no_decision_can_be_sent_again(said: dict[str, object], can: bool) -> None:
    """And nothing that would be counted twice."""
    assert can == (not published(**said).why_not)
