"""A worker's table is as the topic `lists` is, on a real broker."""

import asyncio
from datetime import UTC, datetime

import pytest

from fraudstream import topics
from fraudstream.adapters.kafka.outbox import Message, Outbox
from fraudstream.adapters.lists.topic import PARTITION, write, writing
from fraudstream.agents import list_topic
from fraudstream.agents.list_topic import ListTopic
from fraudstream.domain.lists.entries import Change, Listed, Listing
from fraudstream.domain.lists.table import ListTable
from fraudstream.domain.rules import Rule, Ruleset
from fraudstream.process.ports import free_port
from fraudstream.settings import Settings
from tests.shared import PATIENCE_S

NOW = datetime.now(UTC)
DENY = Change("deny", None, Listing("text", "deny", "ann", NOW))
ON = Listed("ann", NOW)


async def written(settings: Settings, *changes: Change) -> None:
    """Publish changes."""
    async with writing(settings) as publisher:
        async for _ in write(publisher, settings, changes):
            pass


async def until(table: ListTable, revision: int) -> None:
    """Wait until a table knows a revision."""
    async with asyncio.timeout(PATIENCE_S):
        while table.revision < revision:  # noqa: ASYNC110 - the table tells nobody
            await asyncio.sleep(0.02)


async def test_a_start_knows_all_and_what_comes_later_comes_by_itself(kafka_settings: Settings) -> None:
    """Without a restart, and a removal, too."""
    await written(kafka_settings, DENY, Change("deny", "a", ON))
    topic = ListTopic(kafka_settings, ListTable(), asked=True)
    await topic.start()
    at_start = topic.table.revision, topic.table.has("deny", "a", 0)
    await written(kafka_settings, Change("deny", "b", ON), Change("deny", "a", None))
    await until(topic.table, 4)
    await topic.stop()

    assert (2, True) == at_start
    assert (True, False) == (topic.table.has("deny", "b", 0), topic.table.has("deny", "a", 0))
    assert [] == [*topic.problems()]


async def test_what_keeps_rules_from_knowing_is_said(kafka_settings: Settings) -> None:
    """A record that is none, and a list that there is not; the other records count."""
    async with writing(kafka_settings) as publisher:
        outbox = Outbox()
        outbox.add(kafka_settings.topic(topics.LISTS.name), PARTITION, Message(b"deny", b"{}"))
        await publisher.publish(outbox)
    await written(kafka_settings, DENY)
    topic = ListTopic(kafka_settings, ListTable(), asked=True)
    topic.rulesets = lambda: [Ruleset([Rule("r", "in_list('dney', merchant)", "block")])]
    await topic.start()
    await topic.stop()
    said = [problem.sentence for problem in topic.problems()]

    assert 2 == topic.table.revision
    assert "offset 0 of the topic" in said[0]
    assert "rules ask the list dney, and there is none; did you mean deny?" in said[1]


async def test_whoever_needs_more_of_the_lists_waits_for_it_but_not_for_ever(
    kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A topic that was deleted has less than a worker decided with, and never will have; health says so."""
    await written(kafka_settings, DENY)
    topic = ListTopic(kafka_settings, ListTable(), asked=True)
    await topic.start()
    waiting = asyncio.create_task(topic.reached(2))
    await written(kafka_settings, Change("deny", "a", ON))
    await waiting
    at_once = topic.table.revision, [*topic.problems()]
    monkeypatch.setattr(list_topic, "REACHED_WITHIN_S", 0.0)
    await topic.reached(9)
    (said,) = topic.problems()
    await topic.stop()

    assert (2, []) == at_once
    assert "payments were decided with lists as of revision 9" in said.sentence


@pytest.mark.parametrize("asked", [True, False])
async def test_without_the_topic_a_worker_starts_if_its_rules_ask_no_lists(asked: bool) -> None:
    """Health says so."""
    settings = Settings(_env_file=None, broker=f"localhost:{free_port('127.0.0.1')}")
    topic = ListTopic(settings, ListTable(), asked)
    if asked:
        with pytest.raises(Exception, match="rules ask lists, and the topic lists cannot be read"):
            await topic.start()
    else:
        await topic.start()
        assert "the topic lists cannot be read" in next(topic.problems()).sentence
    await topic.stop()
