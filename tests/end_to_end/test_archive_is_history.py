"""Training on the archive sees what serving saw."""

import json

import polars as pl
from aiokafka import AIOKafkaProducer

from fraudstream.domain.events.amounts import rounded_units
from fraudstream.domain.features.inputs import with_amount
from fraudstream.offline.dataset import arrived
from fraudstream.offline.history import read_payments
from fraudstream.offline.point_in_time import point_in_time
from fraudstream.settings import Settings
from tests.commands.running import fraudstream
from tests.end_to_end.harness import Worker, produce, settled
from tests.end_to_end.test_worker import encoded, payments

SERVED = ("num_trans_last_10m", "avg_amt_last_10m", "seconds_since_previous", "num_trans_last_1m")


async def label(settings: Settings, ids: list[str]) -> None:
    """Say what the payments turned out to be: the first one fraud, the others not."""
    async with AIOKafkaProducer(bootstrap_servers=settings.broker, acks="all") as producer:
        for number, tid in enumerate(dict.fromkeys(ids)):
            told = {"transaction_id": tid, "fraud": number == 0, "known_at": 1_600_000_000_000}
            await producer.send(settings.topic("labels"), json.dumps(told).encode(), key=tid.encode())


async def test_what_was_served_is_what_the_archive_is_trained_on(kafka_settings: Settings) -> None:
    """Features computed anew from the archived payments equal the archived ones, to the last bit, disorder and all."""
    settings = kafka_settings.model_copy(update={"web": False})
    sent = payments(2000, seed=11)
    await produce(settings, [encoded(payment) for payment in sent])
    with Worker(settings):
        await label(settings, [payment["tid"] for payment in sent])
        await settled(settings, timeout_s=150)
    done = fraudstream(settings, "archive", "run", "--once", timeout_s=120)
    assert 0 == done.returncode, done.stderr

    columns = ("event_time", "amount", "is_fraud", *(f"served_{name}" for name in SERVED))
    for path in (settings.data_dir / "archive").glob("date=*/*.parquet"):
        frame = pl.read_parquet(path, hive_partitioning=False)
        frame.rename({name: f"served_{name}" for name in SERVED}).write_parquet(path)
    paid = read_payments(settings.data_dir / "archive", columns, settings.partitions)
    paid = paid.with_columns(cents=rounded_units(paid["amount"].to_numpy())).drop("amount")
    known = point_in_time(arrived(paid), settings.lateness_horizon_s * 1000)
    anew = with_amount(known.with_columns(paid["cents"]))

    assert len(sent) == paid.height
    assert 0 == paid["is_fraud"].null_count()
    assert sum(payment["tid"] == sent[0]["tid"] for payment in sent) == paid["is_fraud"].sum()
    for name in SERVED:
        assert paid[f"served_{name}"].to_list() == anew[name].to_list(), name
