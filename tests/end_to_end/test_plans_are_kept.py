"""Which releases decide survives what replaces the changelog: rebuilding the state, and growing the topics."""

import pytest

from fraudstream import topics
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.adapters.kafka.partition_logs import partition_logs
from fraudstream.adapters.kafka.publisher import Message, Outbox, Publisher
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.releases.plan import Plan, Plans
from fraudstream.settings import Settings
from fraudstream.state.kept import read_changelog
from fraudstream.state.rebuild import rebuild_changelog
from fraudstream.state.source import windows_of
from fraudstream.state.verify import compare_all
from fraudstream.tables.changelog_keys import made_for
from fraudstream.tables.changelog_plans import plans_headers
from tests.end_to_end.test_grow import grown

A, B = "aa" * 32, "bb" * 32
PLANS = [Plans().switched(Plan(A), 10, 100 + partition).switched(Plan(B), 20, 200) for partition in range(3)]
LAST = Plans().switched(Plan(B), 5, 50).switched(Plan(A), 30, 300)
"""Of partition 3, which switched last."""


@pytest.fixture
async def settings(kafka_settings: Settings) -> Settings:
    """Return settings of a group that decided nothing but switched releases."""
    await ensure_topics(kafka_settings)
    log, layout, outbox = topics.changelog(kafka_settings).name, windows_of(kafka_settings).layout, Outbox()
    for partition, plans in enumerate([*PLANS, LAST]):
        key = made_for(kafka_settings.partitions, layout)
        outbox.add(log, partition, Message(key, b"", headers=plans_headers(plans)))
    async with Publisher(Kafka.of(kafka_settings), "switched") as publisher:
        await publisher.publish(outbox)
    async with partition_logs(Kafka.of(kafka_settings), kafka_settings.app_id) as logs:
        await logs.committed(log, 0)  # waits until the new broker has a coordinator for groups
    return kafka_settings


async def kept(settings: Settings) -> list[Plans]:
    """Return what the changelog says of each partition."""
    layout, log = windows_of(settings).layout, topics.changelog(settings).name
    async with partition_logs(Kafka.of(settings), settings.app_id) as logs:
        return [
            (await read_changelog(logs, log, partition, layout)).plans
            for partition in range(settings.partitions)
        ]


async def test_a_rebuilt_changelog_says_what_the_old_one_said(settings: Settings) -> None:
    """Also of a partition whose changelog is emptied first."""
    await rebuild_changelog(settings, await compare_all(settings), afresh=range(4))

    assert [*PLANS, LAST] == await kept(settings)


async def test_after_growing_all_partitions_have_the_plan_of_the_last_switch(settings: Settings) -> None:
    """Entries are numbered anew, so no earlier plan can be told from it."""
    await grown(settings, 6)

    assert [LAST.only_now()] * 6 == await kept(settings.model_copy(update={"partitions": 6}))
