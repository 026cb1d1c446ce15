"""A broker that writes its own clock into repartitioned payments: they keep the time they had, at a replay too."""

import json
import time
from collections import Counter
from typing import Any

from aiokafka import AIOKafkaProducer

from fraudstream.adapters.kafka.security import Kafka
from fraudstream.settings import Settings
from fraudstream.state.verify import compare_all
from tests.end_to_end.harness import Worker, decisions_of, read_all, settled
from tests.end_to_end.test_worker import CARDS
from tests.topic_settings import configure

PAYMENTS = 40
HALF_AN_HOUR_MS = 1_800_000


async def send_timeless(settings: Settings, began_ms: int) -> dict[str, int]:
    """Send payments without a time of their own to partition 0, whatever their card; return their Kafka timestamps by id."""
    times = {f"p{number}": began_ms + 10_000 * number for number in range(PAYMENTS)}
    topic = settings.topic("transactions")
    async with AIOKafkaProducer(**Kafka.of(settings).client) as producer:
        for number, (tid, at_ms) in enumerate(times.items()):
            payment = {"tid": tid, "cc_num": CARDS[number % 5], "amount": 1.0 + number}
            value = json.dumps(payment).encode()
            await producer.send_and_wait(topic, value, partition=0, timestamp_ms=at_ms)
    return times


def answer(decision: dict[str, Any]) -> tuple[Any, ...]:
    """Return what was decided of a payment."""
    return decision["event_time"], decision["features"], decision["probability"]


async def test_repartitioned_payments_keep_their_time_and_a_replay_answers_the_same(
    kafka_settings: Settings,
) -> None:
    """`message.timestamp.type=LogAppendTime` on the repartitioned topic; then another group decides all of it from the beginning."""
    settings = kafka_settings.model_copy(update={"web": False})
    await configure(settings, settings.topic("transactions-by-card"), message_timestamp_type="LogAppendTime")
    times = await send_timeless(settings, round(time.time() * 1000) - HALF_AN_HOUR_MS)
    with Worker(settings):
        first = await decisions_of(settings, set(times))
        await settled(settings)
    repartitioned = await read_all(settings, "transactions-by-card")
    compared = await compare_all(settings)
    again = settings.model_copy(update={"app_id": f"{settings.app_id}-again"})
    with Worker(again):
        await settled(again)
    both = await decisions_of(settings, set(times))

    assert len(repartitioned) > 10
    assert all(record.timestamp > max(times.values()) for record in repartitioned)
    assert times == {each["transaction_id"]: each["event_time"] for each in first}
    assert all(each.clean for each in compared)
    assert 2 <= min(Counter(each["transaction_id"] for each in both).values())
    answers = {each["transaction_id"]: answer(each) for each in first}
    assert [] == [each for each in both if answer(each) != answers[each["transaction_id"]]]
