"""Topics are made by us, once, and checked when they exist."""

import asyncio

import pytest
from aiokafka.admin import NewTopic

from fraudstream.adapters.kafka.admin import administration, ensure_topics, existing_topics, topic_configs
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings
from fraudstream.topics import DECISIONS, TRANSACTIONS, all_topics, changelog


async def make(settings: Settings, name: str, partitions: int, **configs: str) -> None:
    """Make one topic as somebody else would have."""
    async with administration(Kafka.of(settings)) as admin:
        topic_options = {option.replace("_", "."): value for option, value in configs.items()}
        await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=topic_options)])
        while True:
            if name in await existing_topics(admin, [name]):
                return
            await asyncio.sleep(0.01)


async def test_missing_topics_are_created_once(fresh_settings: Settings) -> None:
    """The first call makes all topics, the second none."""
    first = await ensure_topics(fresh_settings)
    second = await ensure_topics(fresh_settings)

    assert set(all_topics(fresh_settings)) == set(first)
    assert [] == second


async def test_created_topics_are_ready_and_as_declared(kafka_settings: Settings) -> None:
    """Every partition has a leader when the call returns, and Kafka keeps records as long as we said."""
    wanted = all_topics(kafka_settings)
    async with administration(Kafka.of(kafka_settings)) as admin:
        found = await existing_topics(admin, wanted)
        configs = await topic_configs(admin, wanted)

    for name, topic in wanted.items():
        assert kafka_settings.partitions == found[name].partitions == found[name].leaders
        assert 1 == found[name].replicas
        assert topic.configs().items() <= configs[name].items()


async def test_several_workers_may_start_at_once(fresh_settings: Settings) -> None:
    """Each topic is created by exactly one of them, and nobody fails."""
    answers = await asyncio.gather(*(ensure_topics(fresh_settings) for _ in range(4)))

    assert sorted(all_topics(fresh_settings)) == sorted(name for created in answers for name in created)


@pytest.mark.parametrize("which", ["input", "changelog"])
async def test_another_number_of_partitions_is_refused(fresh_settings: Settings, which: str) -> None:
    """A card's partition would change, or its state would be looked for on another partition."""
    names = {"input": fresh_settings.topic(TRANSACTIONS.name), "changelog": changelog(fresh_settings).name}
    await make(fresh_settings, names[which], 3)
    with pytest.raises(SetupError, match=f"{names[which]} has 3 partitions, but the settings say 4"):
        await ensure_topics(fresh_settings)

    async with administration(Kafka.of(fresh_settings)) as admin:
        decisions = fresh_settings.topic(DECISIONS.name)
        assert {} == await existing_topics(admin, [decisions]), "nothing was made half-way"


async def test_a_compacted_changelog_is_refused(fresh_settings: Settings) -> None:
    """Ours holds deltas: compaction would keep only the last of a card's payments. Faust alone makes it compacted."""
    await make(fresh_settings, changelog(fresh_settings).name, 4, cleanup_policy="compact")
    with pytest.raises(
        SetupError, match=r"cleanup.policy=compact, which would lose records; it must be delete"
    ):
        await ensure_topics(fresh_settings)


async def test_more_replicas_than_brokers_are_refused_in_kafkas_words(fresh_settings: Settings) -> None:
    """A production setting on a single broker."""
    settings = fresh_settings.model_copy(update={"replication": 3})
    with pytest.raises(SetupError, match=r"Kafka refuses to create topic .*replication factor"):
        await ensure_topics(settings)


@pytest.mark.parametrize("bootstrap", ["127.0.0.1:9", "localhost:9,127.0.0.1:9"])
async def test_no_broker_is_one_sentence(bootstrap: str) -> None:
    """It says which address does not answer and how to start a broker."""
    with pytest.raises(SetupError) as caught:
        await ensure_topics(Settings(broker=bootstrap))

    assert f"no Kafka broker answers at {bootstrap}; start one with: fraudstream broker up" == str(
        caught.value
    )


async def test_a_server_that_is_not_kafka_is_not_taken_for_a_broker() -> None:
    """A web server on Kafka's port accepts the connection and then says the wrong thing."""

    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(SetupError, match=f"no Kafka broker answers at 127.0.0.1:{port}"):
            await ensure_topics(Settings(broker=f"127.0.0.1:{port}"))


async def test_an_invalid_address_is_refused() -> None:
    """A typing error in FRAUDSTREAM_BROKER."""
    with pytest.raises(SetupError, match=r"'kafka\.example' is not a broker's address; write host:port"):
        await ensure_topics(Settings(broker="kafka.example"))
