"""The archiver as a process: killed again and again, and nothing is missing or twice."""

import asyncio
import json
import os
import random
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from aiokafka import AIOKafkaProducer

from fraudstream.settings import Settings
from tests.archive_rows import DAY_MS, MONDAY_MS, encoded
from tests.commands.running import begin, fraudstream

DECISIONS = 20_000


@pytest.fixture
def settings(kafka_settings: Settings) -> Settings:
    """Return settings of an archiver that writes all the time and whose group notices a kill quickly."""
    return kafka_settings.model_copy(
        update={"session_timeout_s": 6.0, "archive_interval_s": 0.01, "archive_rows_max": 200}
    )


async def publish(settings: Settings) -> None:
    """Publish decisions on payments of five days, in no order of time, to all partitions."""
    chance = random.Random(1)
    async with AIOKafkaProducer(bootstrap_servers=settings.broker, acks="all", linger_ms=5) as producer:
        sent = [
            await producer.send(
                settings.topic("decisions"),
                encoded(number, event_time=MONDAY_MS + chance.randrange(5 * DAY_MS)),
                partition=number % settings.partitions,
            )
            for number in range(DECISIONS)
        ]
        await asyncio.gather(*sent)


def files(settings: Settings) -> list[Path]:
    """Return the archive's files."""
    return list(Path(settings.archive_place).glob("date=*/*.parquet"))


async def test_an_archiver_killed_again_and_again_loses_nothing_and_repeats_nothing(
    settings: Settings,
) -> None:
    """kill -9 between any two files; what is archived is the topic, each offset once, in its day."""
    await publish(settings)
    for kill in range(4):
        before = len(files(settings))
        with begin(settings, "archive", "run") as doomed:
            try:
                while len(files(settings)) < before + 7 * (kill + 1):
                    assert doomed.poll() is None
                    await asyncio.sleep(0.01)
            finally:
                doomed.kill()
    done = fraudstream(settings, "archive", "run", "--once", timeout_s=120)
    assert 0 == done.returncode, done.stderr

    def archived() -> pl.DataFrame:
        return pl.concat(
            pl.read_parquet(path, hive_partitioning=False).with_columns(
                partition=pl.lit(int(path.name.rsplit("-", 3)[1])), day=pl.lit(path.parent.name[5:])
            )
            for path in files(settings)
        )

    def check(rows: pl.DataFrame) -> None:
        assert Counter(f"p{number}" for number in range(DECISIONS)) == Counter(
            rows["transaction_id"].to_list()
        )
        assert DECISIONS == rows.select("partition", "decision_offset").n_unique()
        assert (
            rows["day"].to_list()
            == pl.Series(pl.from_epoch(rows["event_time"], "ms").dt.date().cast(pl.String)).to_list()
        )

    check(archived())
    compacted = fraudstream(settings, "archive", "compact", "--json")
    assert 5 * settings.partitions == json.loads(compacted.stdout)["files"] == len(files(settings))
    check(archived())

    found = fraudstream(settings, "archive", "find", "--id", "p77", "--json")
    (payment,) = map(json.loads, found.stdout.splitlines())
    assert ("p77", 78.5, "Corner shop") == (payment["transaction_id"], payment["amount"], payment["merchant"])
    assert 1 == fraudstream(settings, "archive", "find", "--field", "merchant=Nobody").returncode


async def test_two_archivers_share_the_work(settings: Settings) -> None:
    """One may leave in the middle; together they write everything once."""
    await publish(settings)
    with begin(settings, "archive", "run") as first, begin(settings, "archive", "run") as second:
        try:
            while len(files(settings)) < 40:
                assert first.poll() is None
                assert second.poll() is None
                await asyncio.sleep(0.01)
            first.terminate()
            while sum(pl.scan_parquet(files(settings)).select(pl.len()).collect().to_series()) < DECISIONS:
                assert second.poll() is None
                await asyncio.sleep(0.1)
        finally:
            for process in (first, second):
                if process.poll() is None:
                    process.terminate()

    rows = pl.concat(pl.read_parquet(path, hive_partitioning=False) for path in files(settings))
    assert Counter(f"p{number}" for number in range(DECISIONS)) == Counter(rows["transaction_id"].to_list())


async def test_a_recreated_topic_is_not_taken_for_archived(settings: Settings) -> None:
    """Offsets would begin again and look as if they were archived: it says so and refuses."""
    await publish(settings)
    stale = Path(settings.archive_place) / "date=2020-02-03"
    stale.mkdir(parents=True)
    name = f"{settings.topic('decisions')}-00000-00000000000000000000-00000000000000999999.parquet"
    pl.DataFrame({"decision_offset": [0]}).write_parquet(stale / name)

    done = fraudstream(settings, "archive", "run", "--once")

    assert 2 == done.returncode
    assert "the topic was recreated" in done.stderr
    assert os.listdir(settings.archive_place) == ["date=2020-02-03"]
