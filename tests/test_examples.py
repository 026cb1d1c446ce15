"""The examples in the documents: a decision looks like a real one, and a program that reads alerts reads them."""

import asyncio
import json
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
from aiokafka import AIOKafkaProducer

from fraudstream.domain.archived import unarchived
from fraudstream.domain.features.catalogue import FEATURE_SETS, published_features
from fraudstream.domain.registry.insight import InsightScale
from fraudstream.settings import Settings
from tests.agents.memory_worker import NOON_S, MemoryWorker
from tests.archive_rows import archived
from tests.builders import CountingModel

DOCS = Path(__file__).parents[1] / "docs"
EXAMPLE: dict[str, Any] = json.loads((DOCS / "examples/decision.json").read_text())


class ScaledModel(CountingModel):
    """A model with the scale that a trained one has."""

    scale = InsightScale.measured(np.zeros(100), np.linspace(0, 1, 100))


async def test_the_example_has_the_fields_of_a_real_decision(tmp_path: Path) -> None:
    """In their order, and of their types; its features are those of the model that is trained unless told otherwise."""
    async with MemoryWorker(tmp_path, model=ScaledModel()) as worker:
        payment = {
            "cc_num": "4000000000000002",
            "amount": 12.5,
            "merchant": "Corner shop",
            "zip_code": "10115",
        }
        await worker.receive(
            [payment | {"trans_ts": NOON_S + second, "tid": f"t{second}"} for second in (0, 1)]
        )
        await worker.settled()
        real = worker.published("decisions")[-1]

    for one, other in (
        (EXAMPLE, real),
        *((EXAMPLE[name], real[name]) for name in ("variables", "source", "timing_ms")),
    ):
        assert list(one) == list(other)
        assert [type(value) for value in one.values()] == [type(value) for value in other.values()]
    assert published_features(FEATURE_SETS["card"]) == list(EXAMPLE["features"])
    assert list(EXAMPLE) == list(runpy.run_path(str(DOCS / "make_reference.py"))["FIELDS"])


def test_the_example_can_be_archived() -> None:
    """Its parts are what the archive takes a decision for."""
    (row,) = archived([json.dumps(EXAMPLE).encode()], [0]).to_dicts()

    assert EXAMPLE == unarchived(row) | {"timing_ms": EXAMPLE["timing_ms"]}


async def test_the_example_of_a_program_reads_an_alert(kafka_settings: Settings) -> None:
    """As it stands in the document, with broker and topic given."""
    topic = kafka_settings.topic("fraud-alerts")
    async with AIOKafkaProducer(bootstrap_servers=kafka_settings.broker) as producer:
        await producer.send_and_wait(topic, json.dumps(EXAMPLE).encode())
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        DOCS / "examples/alerts.py",
        kafka_settings.broker,
        topic,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert program.stdout is not None
        line = (await program.stdout.readline()).decode()
    finally:
        program.kill()
        await program.wait()

    assert f"a1: block, card ending 2643: {'; '.join(EXAMPLE['reasons'])}\n" == line
