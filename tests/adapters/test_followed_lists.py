"""Lists that are followed beside pages: an answer has all that was in the topic when it was asked for, on a real broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

import pytest

from fraudstream import topics
from fraudstream.adapters.kafka import tail
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.adapters.kafka.outbox import Message, Outbox
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.tail import following
from fraudstream.adapters.lists import followed as module
from fraudstream.adapters.lists.changes import written
from fraudstream.adapters.lists.followed import FollowedLists
from fraudstream.adapters.lists.topic import PARTITION, read, writing
from fraudstream.domain.errors import BrokerUnavailable
from fraudstream.domain.lists.entries import SNOOZE, Change, Listed, Listing
from fraudstream.process.ports import free_port
from fraudstream.settings import Settings
from tests.shared import PATIENCE_S, delete_topics

NOW = datetime(2026, 11, 27, tzinfo=UTC)
DENY = Change("deny", None, Listing("text", "deny", "ann", NOW))
ON = Listed("ann", NOW)


@asynccontextmanager
async def followed(settings: Settings) -> AsyncIterator[FollowedLists]:
    """Yield lists that are followed."""
    lists = FollowedLists(settings)
    running = asyncio.create_task(lists.run())
    await asyncio.sleep(0)  # now it has begun
    try:
        yield lists
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_what_was_written_before_the_question_is_in_the_answer(kafka_settings: Settings) -> None:
    """From the first question on, which is asked before anything was read; and it is what reading the whole topic finds."""
    changes = [DENY, *(Change("deny", f"shop {number}", ON) for number in range(50))]
    await written(kafka_settings, changes)
    async with followed(kafka_settings) as lists:
        at_first = await lists.on("deny")
        for number in range(5):
            await written(kafka_settings, [Change("deny", f"shop {number}", None)])
            assert 49 - number == len((await lists.on("deny")).entries)
        await written(kafka_settings, [Change(f"{SNOOZE}large", "card", ON)])
        later = await lists.on("deny")

    assert (50, 51) == (at_first.numbers["deny"], at_first.revision)
    assert {"large": 1} == later.snoozes
    assert await read(kafka_settings, "deny") == later


async def test_a_thread_is_answered_too(kafka_settings: Settings) -> None:
    """Rules ask the same lists, without snoozes; a record that is none of ours is passed over."""
    async with writing(kafka_settings) as publisher:
        outbox = Outbox()
        outbox.add(kafka_settings.topic(topics.LISTS.name), PARTITION, Message(b"deny", b"{}"))
        await publisher.publish(outbox)
    await written(kafka_settings, [DENY, Change("deny", "shop", ON), Change(f"{SNOOZE}large", "card", ON)])
    async with followed(kafka_settings) as lists:
        found = await asyncio.to_thread(lists.on_from_thread)
        table = await asyncio.to_thread(lists.table_from_thread)

    assert (["deny"], {}, 1) == ([*found.listings], found.entries, found.numbers["deny"])
    assert (True, False) == (table.has("deny", "shop", 0), table.has_snoozes)


async def test_a_topic_without_records_is_read_at_once(kafka_settings: Settings) -> None:
    """There are no lists then."""
    async with followed(kafka_settings) as lists:
        assert {} == (await lists.on()).listings


async def test_without_a_broker_there_is_a_sentence() -> None:
    """For whoever asks, and for the health of whoever follows; also where nothing but the following was begun."""
    settings = Settings(_env_file=None, broker=f"localhost:{free_port('127.0.0.1')}")
    lists = FollowedLists(settings)
    said = f"no Kafka broker answers at {settings.broker}"
    with pytest.raises(BrokerUnavailable, match="the topic lists is not read here"):
        await lists.on()
    with pytest.raises(BrokerUnavailable, match=said):
        await lists.run()
    with pytest.raises(BrokerUnavailable, match=said):
        await asyncio.to_thread(lists.on_from_thread)
    with pytest.raises(BrokerUnavailable, match=said):
        async with following(Kafka.of(settings), "lists", 1):
            """It is not reached."""


async def test_the_following_begins_again(kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """When there is a broker after all."""
    monkeypatch.setattr(module, "AGAIN_S", 0.01)
    refusals = [BrokerUnavailable("no broker answers"), ZeroDivisionError()]

    async def refusing(settings: Settings) -> list[str]:
        if refusals:
            raise refusals.pop()
        return await ensure_topics(settings)

    monkeypatch.setattr(module, "ensure_topics", refusing)
    lists = FollowedLists(kafka_settings)
    running = asyncio.create_task(lists.run_again())
    found = None
    while found is None:
        with suppress(BrokerUnavailable):
            found = await lists.on()
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert ({}, []) == (found.listings, refusals)


async def test_a_topic_that_was_made_anew_is_read_again(
    kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was on lists before is not on them any more."""
    monkeypatch.setattr(tail, "LOOK_AGAIN_S", 0.1)
    monkeypatch.setattr(tail, "FOLLOW_TIMEOUT_MS", 100)
    await written(kafka_settings, [DENY, *(Change("deny", f"shop {number}", ON) for number in range(3))])
    async with followed(kafka_settings) as lists:
        before = (await lists.on("deny")).entries
        delete_topics(kafka_settings.broker, kafka_settings.topic(topics.LISTS.name))
        await ensure_topics(kafka_settings)
        await written(kafka_settings, [DENY, Change("deny", "kiosk", ON)])
        async with asyncio.timeout(PATIENCE_S):
            found = before
            while found.keys() != {"kiosk"}:
                with suppress(BrokerUnavailable):
                    found = (await lists.on("deny")).entries

    assert (["shop 0", "shop 1", "shop 2"], ["kiosk"]) == ([*before], [*found])
