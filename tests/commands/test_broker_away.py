"""A broker that stops answering is one sentence, and code 75 of a command."""

import asyncio
from contextlib import suppress

import pytest

from fraudstream.adapters.broker import EmbeddedBroker
from fraudstream.adapters.kafka import partition_logs as module
from fraudstream.adapters.kafka.partition_logs import partition_logs
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.lists import followed
from fraudstream.adapters.lists.followed import FollowedLists
from fraudstream.cli import complaining
from fraudstream.domain.errors import BrokerUnavailable
from fraudstream.process.exits import EXIT_UNAVAILABLE
from fraudstream.settings import Settings
from tests.shared import frozen


def test_a_command_that_kafka_stops_answering_ends_with_a_sentence(
    own_broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Code 1 would say that something differs."""
    monkeypatch.setattr(module, "ANSWER_TIMEOUT_S", 1.0)

    async def ask() -> None:
        async with partition_logs(Kafka(own_broker.bootstrap), "a-group") as logs:
            with frozen(own_broker):
                await logs.committed("payments", 0)

    with pytest.raises(SystemExit) as ended, complaining():
        asyncio.run(ask())

    assert EXIT_UNAVAILABLE == ended.value.code
    said = capsys.readouterr().err
    assert "a request to Kafka failed: " in said
    assert "no answer to a request for the offsets of a group in 1 s" in said
    assert "Traceback" not in said


async def test_lists_that_are_followed_are_not_waited_for_without_end(
    own_broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page says so, and is answered again with the broker."""
    lists = FollowedLists(Settings(_env_file=None, broker=own_broker.bootstrap))
    running = asyncio.create_task(lists.run())
    await asyncio.sleep(0)
    before = await lists.on()
    monkeypatch.setattr(followed, "END_S", 1.0)
    with frozen(own_broker), pytest.raises(BrokerUnavailable, match="where the topic lists ends"):
        await lists.on()
    monkeypatch.undo()
    after = None
    while after is None:
        with suppress(BrokerUnavailable):
            after = await lists.on()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert before == after
