"""An archive goes on only with the topics it comes from, and leaves nothing of them out, whatever the group has committed."""

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pytest
from aiokafka import AIOKafkaProducer

from fraudstream import topics
from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.kafka.partition_logs import partition_logs
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.agents.archiving import Archiver
from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings
from tests.archive_rows import encoded
from tests.end_to_end.other_logs import made_anew


async def publish(settings: Settings, numbers: Iterable[int]) -> None:
    """Publish decisions to partition 0."""
    async with AIOKafkaProducer(**Kafka.of(settings).client) as producer:
        for number in numbers:
            await producer.send_and_wait(settings.topic("decisions"), encoded(number), partition=0)


async def archive(settings: Settings, place: Path) -> list[str]:
    """Archive what there is; return the ids that the archive then has, in order of their offsets."""
    async with LocalObjects(place) as objects:
        await Archiver(settings, objects).run(asyncio.Event(), once=True)
    rows = pl.read_parquet(f"{place}/date=*/*.parquet", hive_partitioning=False)
    return rows.sort("decision_offset")["transaction_id"].to_list()


async def commit(settings: Settings, offset: int) -> None:
    """Say that the archivers have archived partition 0 up to an offset."""
    async with partition_logs(Kafka.of(settings), topics.archive_group(settings)) as logs:
        await logs.commit({(settings.topic("decisions"), 0): offset})


async def test_a_recreated_topic_that_has_grown_past_the_archive_is_refused_and_archived_whole_elsewhere(
    kafka_settings: Settings, tmp_path: Path
) -> None:
    """No offset is out of range: only the records differ. In a new place it is archived from its first record."""
    await publish(kafka_settings, range(3))
    assert ["p0", "p1", "p2"] == await archive(kafka_settings, tmp_path / "old")
    await made_anew(kafka_settings, kafka_settings.topic("decisions"))
    await commit(kafka_settings, 3)
    await publish(kafka_settings, range(10, 15))

    with pytest.raises(
        SetupError, match=r"at offset 2 of .* has another record than the log.* archive to another place"
    ):
        await archive(kafka_settings, tmp_path / "old")
    assert [f"p{number}" for number in range(10, 15)] == await archive(kafka_settings, tmp_path / "new")


async def test_an_archive_goes_on_where_it_ended(kafka_settings: Settings, tmp_path: Path) -> None:
    """With the group's offsets and without them."""
    await publish(kafka_settings, range(3))
    await archive(kafka_settings, tmp_path)
    await publish(kafka_settings, range(3, 5))

    assert ["p0", "p1", "p2", "p3", "p4"] == await archive(kafka_settings, tmp_path)
    await commit(kafka_settings, 0)
    assert ["p0", "p1", "p2", "p3", "p4"] == await archive(kafka_settings, tmp_path)


async def test_an_offset_beyond_the_end_of_the_log_leaves_nothing_out(
    kafka_settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A cluster that was restored from an older copy: it is said, and all that the log has is archived."""
    await commit(kafka_settings, 500)
    await publish(kafka_settings, range(3))

    with caplog.at_level(logging.WARNING):
        assert ["p0", "p1", "p2"] == await archive(kafka_settings, tmp_path)
    assert "up to offset 500, but the log ends at 3: archiving starts at its first record" in caplog.text


async def test_the_marker_of_a_transaction_is_no_record_that_is_still_to_be_archived(
    kafka_settings: Settings, tmp_path: Path
) -> None:
    """Or a page of topics would say for ever that the archiver is behind."""
    topic = kafka_settings.topic("decisions")
    kafka = Kafka.of(kafka_settings)
    async with AIOKafkaProducer(**kafka.client, transactional_id="any") as producer, producer.transaction():
        await producer.send_and_wait(topic, encoded(1), partition=0)

    assert ["p1"] == await archive(kafka_settings, tmp_path)
    async with partition_logs(kafka, topics.archive_group(kafka_settings)) as logs:
        assert 2 == (await logs.span(topic, 0)).end == await logs.committed(topic, 0)
