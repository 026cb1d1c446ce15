"""A broker that stops answering during a command is one sentence and code 75."""

import asyncio

import pytest

from fraudstream.adapters.broker import EmbeddedBroker
from fraudstream.adapters.kafka import partition_logs as module
from fraudstream.adapters.kafka.partition_logs import partition_logs
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.cli import complaining
from fraudstream.process.exits import EXIT_UNAVAILABLE
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
