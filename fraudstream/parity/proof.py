"""Runs a comparison: weeks by the nightly job, the stream through a worker of its own and the batch path, the report.

Directory, topics and group are used by nothing else, so a run disturbs no worker and no data.
"""

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from fraudstream import topics
from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.tail import following
from fraudstream.adapters.models.files import load_model
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.secrets import token_keys
from fraudstream.adapters.weekly.files import write_snapshot
from fraudstream.domain.detector import check_model
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.times import DAY_MS
from fraudstream.offline.aggregate import DAY, LATE_DAYS, weeks_of
from fraudstream.offline.columns import kinds_of
from fraudstream.offline.history import files_of
from fraudstream.parity.expected import Expected
from fraudstream.parity.published import Published
from fraudstream.parity.report import Report, compared
from fraudstream.process.children import started
from fraudstream.settings import Settings
from fraudstream.traffic.encoder import EncodedBatch, Encoder
from fraudstream.traffic.sender import Sender, send_all
from fraudstream.traffic.session import publishing
from fraudstream.traffic.tally import Tally

SILENCE_MAX_S = 60.0
"""After this long without a decision the run ends, and missing ones are reported."""

ROWS_AT_ONCE = 8192


@dataclass(frozen=True, slots=True)
class ParityListener:
    """Callbacks that report a run's progress; the default does nothing."""

    step: Callable[[str], None] = lambda text: None
    decided: Callable[[int], None] = lambda payments: None


def private(settings: Settings, directory: Path) -> Settings:
    """Return settings with names and directories that only this run uses, and the model in use now."""
    name = f"parity-{uuid.uuid4().hex[:8]}"
    token_keys.make_first(directory / "card-token.key")
    own = settings.model_copy(
        update={
            "data_dir": directory,
            "state_dir": None,
            "card_token_key_file": directory / "card-token.key",  # counts before what the environment says
            "app_id": name,
            "topic_prefix": f"{name}-",
            "web": False,
        }
    )
    version = Registry.of(settings).resolve(settings.model)
    return own.model_copy(update={"models": settings.models_place, "model": str(version)})


async def prove(settings: Settings, stream: pl.DataFrame, listener: ParityListener | None = None) -> Report:
    """Replay a stream through a worker with these settings (see `private`) and compare it with the batch path.

    Raises SetupError without a broker or a model, ChildFailed if the worker ends.
    """
    listener = listener or ParityListener()
    model = load_model(Registry.of(settings), settings.model)
    listener.step("batch: computing point-in-time features")
    event_type = event_type_named(settings.event_type)
    check_model(model, event_type)
    allowed_lateness_ms = settings.lateness_horizon_s * 1000
    expected = Expected.of(stream, model, settings.partitions, allowed_lateness_ms, event_type)
    listener.step("weekly aggregates, night by night")
    nights = 0
    if event_type.entity is not None:
        nights = write_weeks(settings, stream.filter(expected.decided), event_type)
    published = Published(expected)
    await ensure_topics(settings)
    listener.step("stream: payments through a worker")
    environment = _environment(settings, nights)
    log = settings.data_dir / "worker.log"
    async with (
        following(Kafka.of(settings), settings.topic(topics.DECISIONS.name), settings.partitions) as tail,
        started(["worker", "--without-web"], environment, log) as worker,
    ):
        watching = asyncio.create_task(worker.watch())
        sending = asyncio.create_task(_send(settings, stream))
        try:
            left, heard = int(expected.decided.sum()), time.monotonic()
            while left > 0 and time.monotonic() - heard < SILENCE_MAX_S:
                if fresh := published.add(await tail.fetch()):
                    left, heard = left - fresh, time.monotonic()
                    listener.decided(fresh)
                for task in (watching, sending):
                    if task.done():
                        task.result()  # raises what went wrong
        finally:
            sending.cancel()
            watching.cancel()
            await asyncio.gather(sending, watching, return_exceptions=True)
    return compared(stream, expected, published)


def write_weeks(settings: Settings, decided: pl.DataFrame, event_type: EventType) -> int:
    """Write the weekly aggregates as of every midnight that a payment needs; return how many."""
    day = pl.from_epoch("event_time", "ms").dt.date()
    for (date,), payments in decided.with_columns(date=day).group_by("date", maintain_order=True):
        folder = settings.history_dir / f"date={date}"
        folder.mkdir(parents=True)
        payments.drop("date").write_parquet(folder / "payments.parquet")
    tokenizer, weekly = settings.tokenizer(), event_type.weekly
    midnights = (decided["event_time"] // DAY_MS * DAY_MS).unique().sort().to_list()
    for midnight_ms in midnights:
        night = datetime.fromtimestamp(midnight_ms / 1000, UTC).date()
        files = files_of(settings.history_dir, night - DAY * weekly.days, night + LATE_DAYS)
        weeks = weeks_of(
            files,
            midnight_ms,
            tokenizer,
            decimals=event_type.money.decimals,
            kinds=kinds_of(event_type),
            weekly=weekly,
        )
        write_snapshot(settings.weekly_dir, midnight_ms, weeks, kept=len(midnights), layout=weekly.layout)
    return len(midnights)


def _environment(settings: Settings, nights: int) -> dict[str, str]:
    """Return these settings as environment variables of the worker; a password is in this process's environment already."""
    own = settings.model_copy(update={"weekly_kept": max(nights, settings.weekly_kept)})
    given = own.model_dump(exclude_none=True, exclude={"kafka_password", "card_token_keys"})
    return {f"FRAUDSTREAM_{name.upper()}": str(value) for name, value in given.items()}


async def _send(settings: Settings, stream: pl.DataFrame) -> None:
    """Send the stream in order, as fast as Kafka takes it."""
    stop = asyncio.Event()
    async with publishing(settings, f"{settings.app_id}-sender") as publisher:
        payments, labels = (settings.topic(topic.name) for topic in (topics.TRANSACTIONS, topics.LABELS))
        sender = Sender(publisher, payments, labels, Tally(), stop, stop_on_error=True)
        await send_all(_batches(settings, stream), sender)


def _batches(settings: Settings, stream: pl.DataFrame) -> Iterator[EncodedBatch]:
    encoder = Encoder(event_type_named(settings.event_type), settings.partitions)
    for part in stream.iter_slices(ROWS_AT_ONCE):
        yield encoder.encode(part, None)
