"""What a publisher says of brokers that do not take what it writes, against a real broker."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from aiokafka.protocol.produce import ProduceResponse_v1

from fraudstream.adapters.kafka import broker_answers
from fraudstream.adapters.kafka.outbox import Message, Outbox
from fraudstream.adapters.kafka.publisher import Publisher
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.errors import BrokerUnavailable
from fraudstream.settings import Settings
from tests.end_to_end.harness import read_all
from tests.kafka_quotas import hold_back

PATIENCE_S = 120.0


@contextlib.asynccontextmanager
async def publishing(settings: Settings, patience_s: float) -> AsyncIterator[Publisher]:
    """Yield a publisher of this test alone that knows its topics."""
    async with Publisher(Kafka.of(settings), f"{settings.app_id}-publisher", patience_s) as publisher:
        await publisher.publish(decisions(settings, 1))
        yield publisher


def decisions(settings: Settings, count: int) -> Outbox:
    """Return an outbox with so many kilobytes for `decisions`."""
    outbox = Outbox()
    outbox.extend(settings.topic("decisions"), 0, [Message(None, b"." * 1000)] * count)
    return outbox


async def test_a_quota_is_said_while_it_slows_down_and_everything_arrives(kafka_settings: Settings) -> None:
    """Kafka lets the client wait and says so; it is no error, and nothing is lost."""
    published = 0
    async with publishing(kafka_settings, PATIENCE_S) as publisher, asyncio.timeout(PATIENCE_S):
        await hold_back(kafka_settings, f"{kafka_settings.app_id}-publisher", 30_000)
        while not list(publisher.problems()):
            results = await publisher.publish(decisions(kafka_settings, 400))
            published += sum(each.records for part in results.values() for each in part)
        (problem,) = publisher.problems()

    assert "degraded" == problem.severity
    assert "a Kafka quota slows this worker down" in problem.sentence
    assert "increase producer_byte_rate with kafka-configs" in problem.remedy
    assert 1 + published == len(await read_all(kafka_settings, "decisions"))


async def test_what_brokers_do_not_answer_is_given_up_after_the_patience_and_may_go_later(
    kafka_settings: Settings,
) -> None:
    """Held back for longer than that: health says since when, and the start that follows waits again (code 75)."""
    async with publishing(kafka_settings, patience_s=4.0) as publisher, asyncio.timeout(PATIENCE_S):
        await hold_back(kafka_settings, f"{kafka_settings.app_id}-publisher", 24_000)
        while not list(publisher.problems()):
            await publisher.publish(decisions(kafka_settings, 400))
        with pytest.raises(BrokerUnavailable, match="did not accept published records for 4 s") as given_up:
            await publisher.publish(decisions(kafka_settings, 1))
        unanswered, _ = publisher.problems()

    assert "failing" == unanswered.severity
    assert unanswered.sentence.startswith("Kafka has not accepted published records since 20")
    assert given_up.value.later


def test_a_quota_is_said_for_as_long_as_it_delays_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a backlog Kafka may announce a delay of many minutes; the health must not blame the brokers meanwhile."""
    monkeypatch.setattr(broker_answers, "THROTTLED_SHOWN_S", 0.0)
    answers = broker_answers.BrokerAnswers("localhost:9092")
    answers._read(ProduceResponse_v1(topics=[], throttle_time_ms=600_000))

    assert ["a Kafka quota slows this worker down, last by 600000 ms per request"] == [
        problem.sentence for problem in answers.problems()
    ]
