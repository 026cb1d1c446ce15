"""Whoever asks for a decision over HTTP gets a copy of what became of the payment."""

from pathlib import Path

import pytest

from fraudstream.deciding.records import REPLY_HEADER
from tests.agents.memory_worker import MemoryWorker
from tests.agents.test_scoring import ELSEWHERE, paid


async def test_the_asker_gets_the_decision_as_it_is_published(tmp_path: Path) -> None:
    """Byte by byte, at the partition that the record names, under the key of the request."""
    async with MemoryWorker(tmp_path) as worker:
        await worker.receive([paid("asked")], headers=[("trace", b"7"), (REPLY_HEADER, b"1:r-7")])
        await worker.receive([paid("sent", 1)])
        await worker.settled()
        topics = worker.delivery.topics

        (reply,) = topics["replies", 1]
        assert (b"r-7", topics["decisions", 0][0].value) == (reply.key, reply.value)
        assert 2 == len(topics["decisions", 0])
        assert [] == topics["replies", 0]


async def test_the_asker_gets_the_dead_letter_of_what_is_no_payment(tmp_path: Path) -> None:
    """And of an id that came before with another amount."""
    async with MemoryWorker(tmp_path) as worker:
        await worker.receive([paid("a")])
        asked = [(REPLY_HEADER, b"0:r")]
        await worker.receive([b"{}", paid("a", amount=2)], headers=asked)
        await worker.settled()

        assert worker.published("dead-letters") == worker.published("replies")
        assert ["invalid-field", "conflict"] == [letter["reason"] for letter in worker.published("replies")]
        assert all("reply_to" not in letter for letter in worker.published("dead-letters"))


async def test_who_asked_is_known_after_repartitioning(tmp_path: Path) -> None:
    """The API knows the home of a card; a worker that grew may know another."""
    async with MemoryWorker(tmp_path) as worker:
        await worker.receive([paid("a", card=ELSEWHERE)], headers=[(REPLY_HEADER, b"0:r-1")])
        await worker.settled()
        (forwarded,) = worker.delivery.topics["transactions-by-card", 1]

        assert (REPLY_HEADER, b"0:r-1") in forwarded.headers
        assert [] == worker.delivery.topics["replies", 0]


@pytest.mark.parametrize("value", [b"", b":", b"x:r", b"2:r", b"99999999999:r", b"1", b"-1:r"])
async def test_a_header_that_names_no_place_costs_the_payment_nothing(tmp_path: Path, value: bytes) -> None:
    """A producer may have headers of its own with this name."""
    async with MemoryWorker(tmp_path) as worker:
        await worker.receive([paid("a")], headers=[(REPLY_HEADER, value)])
        await worker.settled()

        assert ["a"] == [each["transaction_id"] for each in worker.published("decisions")]
        assert not any(topic == "replies" for topic, _ in worker.delivery.topics)
