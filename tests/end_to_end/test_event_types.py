"""The event types of the package from files to decisions, archive and the next model, every step as a user runs it."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from aiokafka import AIOKafkaProducer

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.model import Model
from fraudstream.offline.dataset import Dataset, features_of
from fraudstream.parity.expected import Expected
from fraudstream.parity.payments import of_history
from fraudstream.parity.published import Published, bits
from fraudstream.parity.report import compared
from fraudstream.settings import Settings
from fraudstream.traffic.csv_file import CsvColumns, read_csv
from tests.commands.running import fraudstream
from tests.end_to_end.harness import Record, Worker, read_all, settled
from tests.models import load_model
from tests.real_files import CREDITCARD, SPARKOV
from tests.shared import Broker, delete_topics, own_settings

WORLD = ("--cards", "300", "--days", "4", "--payments", "6000")
"""One payment of 20 in it is fraud."""

FILES = {
    "sparkov": ("fraudTrain.csv", SPARKOV, "2019-01-01"),
    "creditcard": ("creditcard.csv", CREDITCARD, "2013-09-01"),
}
"""Event type -> name, content and first day of its data set's file. `card` is what all other tests send."""


@dataclass(frozen=True)
class Served:
    """What a worker made of a file and a generated history, with a model of that history."""

    settings: Settings
    event_type: EventType
    model: Model
    stream: pl.DataFrame
    """What was sent, in order: the rows of the file, then the history."""
    decisions: list[Record]

    @cached_property
    def expected(self) -> Expected:
        """Return what the batch path says."""
        settings = self.settings
        return Expected.of(
            self.stream, self.model, settings.partitions, settings.lateness_horizon_s * 1000, self.event_type
        )

    def decided(self, row: int) -> dict[str, Any]:
        """Return the decision of a row of the stream."""
        place = {
            "partition": int(self.expected.partition[row]),
            "offset": int(self.expected.offset[row]),
        }
        told = (json.loads(record.value) for record in self.decisions)
        return next(decision for decision in told if place.items() <= decision["source"].items())


def ran(settings: Settings, *command: str | Path) -> str:
    """Run a command that has to succeed; return what it printed."""
    done = fraudstream(settings, *command, timeout_s=120)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


async def label(settings: Settings, stream: pl.DataFrame, decisions: list[Record]) -> None:
    """Publish what each event turned out to be; events without an id have that of their decision."""
    told = [json.loads(record.value) for record in decisions]
    async with AIOKafkaProducer(bootstrap_servers=settings.broker, acks="all") as producer:
        for decision in told:
            source = decision["source"]
            row = source["offset"] * settings.partitions + source["partition"]  # they went to them in turn
            value = {
                "transaction_id": decision["transaction_id"],
                "fraud": stream["is_fraud"][row],
                "known_at": decision["event_time"],
            }
            await producer.send(settings.topic("labels"), json.dumps(value).encode())


@pytest.fixture(scope="module", params=FILES)
def served(
    request: pytest.FixtureRequest, broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """Yield each event type after generate, aggregate, train, replay, a worker and the archive."""
    directory = tmp_path_factory.mktemp(request.param)
    settings = own_settings(
        broker.bootstrap,
        directory / "data",
        partitions=2,
        event_type=request.param,
        lookup_timeout_ms=10_000,
        weekly_kept=4,  # a night for every day of the world, for a whole history is sent
        web=False,
    )
    event_type = event_type_named(request.param)
    name, content, start = FILES[request.param]
    (directory / name).write_text(content)
    asyncio.run(ensure_topics(settings))
    ran(settings, "generate", *WORLD, "--start", start)
    if event_type.entity:
        ran(settings, "aggregate", "--catch-up")
    ran(settings, "train", "--activate", "always")
    has_ids = ("--labels",) if event_type.id else ()
    for source in (directory / name, settings.history_dir):
        ran(settings, "produce", "replay", source, "--speed", "max", *has_ids)
    with Worker(settings, ("-m", "fraudstream", "worker")):
        asyncio.run(settled(settings))
    given = read_csv(directory / name, event_type, columns=CsvColumns(labels=True))[0].frame
    generated = of_history(settings.history_dir, event_type).select(given.columns)
    stream = pl.concat([given, generated], how="vertical_relaxed")
    decisions = asyncio.run(read_all(settings, "decisions"))
    if not has_ids:
        asyncio.run(label(settings, stream, decisions))
    ran(settings, "archive", "run", "--once")
    yield Served(
        settings,
        event_type,
        load_model(Path(settings.models_place), event_type=event_type.name),
        stream,
        decisions,
    )
    delete_topics(broker.bootstrap, settings.app_id)


def test_a_worker_decides_as_the_batch_path_does(served: Served) -> None:
    """Every event once, and no feature or probability differs in any bit; the features are those of its event type."""
    published = Published(served.expected)
    published.add(served.decisions)
    report = compared(served.stream, served.expected, published)

    assert (*served.event_type.features, *served.model.inputs.names) == served.model.features
    assert () == report.first
    assert report.equal
    assert 6002 == report.payments == len(served.decisions)


def test_rows_of_the_real_file_are_decided_with_all_that_they_say(served: Served) -> None:
    """Time, amount and every variable of the decision are those in the file."""
    for row, given in enumerate(served.stream.head(2).iter_rows(named=True)):
        decision = served.decided(row)

        assert given["amount"] == decision["amount"]
        assert given["event_time"] == decision["event_time"]
        assert {name: given[name] for name in served.event_type.columns} == decision["variables"]


def test_the_next_model_learns_from_the_archive_what_the_worker_saw(served: Served) -> None:
    """Labels included: training on the archive computes the same numbers as the worker and the batch path."""
    archive = served.settings.data_dir / "archive"
    trained = json.loads(ran(served.settings, "train", "--history", archive, "--activate", "never", "--json"))
    data = Dataset.of_history(
        archive, served.settings.partitions, served.settings.lateness_horizon_s * 1000, served.event_type
    )
    names = [*served.model.features]
    learnt = features_of(data.frame, tuple(names), served.model.inputs).select(
        "event_time", "is_fraud", *names
    )
    expected = pl.DataFrame(served.expected.values, served.expected.names)
    expected = served.stream.select("event_time", "is_fraud").hstack(expected.select(names))

    assert trained["features"] == names
    assert 6002 == trained["history"]["rows"]
    assert served.event_type.name == trained["event_type"]
    assert np.array_equal(in_order(expected), in_order(learnt))


def in_order(frame: pl.DataFrame) -> npt.NDArray[np.int64]:
    """Return the bits of a frame's numbers, rows in an order that only depends on them."""
    values = frame.select(pl.all().cast(pl.Float64)).sort(frame.columns)
    return bits(values.to_numpy())
