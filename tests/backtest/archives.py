"""Archives that a scoring loop in memory has filled, and backtests of them."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from fraudstream.adapters.event_types import event_type_named
from fraudstream.backtest.candidate import Candidate
from fraudstream.backtest.run import Backtest, Engine
from fraudstream.backtest.source import ROWS_AT_ONCE, Source
from fraudstream.domain.archived import archived
from fraudstream.domain.detector import Detector
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.labels import Label, archived_labels, encode
from fraudstream.domain.model import Model
from fraudstream.domain.rules import Rule, Ruleset
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.weekly import WeeklyStore
from fraudstream.parity.payments import made_up
from fraudstream.traffic.encoder import Encoder
from tests.agents.memory_worker import ALLOWED_LATENESS_MS, PARTITIONS, MemoryWorker
from tests.builders import CountingModel
from tests.parity.test_event_types import weeks

CARD = event_type_named("card")
EARLIER_MS = 14 * DAY_MS
"""The memory worker's records are of an earlier day than the made-up payments."""
CHUNK_ROWS = 50


def stream_of(payments: int, event_type: EventType = CARD, seed: int = 5) -> pl.DataFrame:
    """Return payments over ten days, with ties, disorder, late, repeated and contradicted ones."""
    return made_up(payments, seed, event_type).with_columns(pl.col("event_time") - EARLIER_MS)


async def filled(
    directory: Path,
    stream: pl.DataFrame,
    event_type: EventType = CARD,
    model: Model | None = None,
    weekly: WeeklyStore | None = None,
) -> Path:
    """Let a scoring loop decide a stream, whose weeks it knows, and return its archive."""
    model = model or CountingModel()
    unique = stream.unique("tid", keep="first", maintain_order=True)
    if weekly is None and event_type.entity is not None:
        (directory / "worker").mkdir(parents=True)
        weekly = weeks(directory / "worker", unique, event_type)
    batch = Encoder(event_type, PARTITIONS).encode(stream, None)
    async with MemoryWorker(directory / "worker", weekly, event_type, model) as worker:
        for partition in range(PARTITIONS):
            own = [
                batch.messages[row].value for row in range(len(batch)) if batch.partitions[row] == partition
            ]
            for first in range(0, len(own), CHUNK_ROWS):
                await worker.receive(own[first : first + CHUNK_ROWS], partition)
        await worker.settled()
        for partition in range(PARTITIONS):
            decisions = [json.dumps(each).encode() for each in worker.published("decisions", partition)]
            rows = archived(decisions, range(len(decisions)), event_type.columns)
            write(directory / "archive", rows, f"decisions-{partition:05d}")
    return directory / "archive"


def write(archive: Path, rows: pl.DataFrame, name: str) -> None:
    """Write rows of an archive, a file a day."""
    for (day,), of_day in rows.group_by(pl.col("event_time") // DAY_MS, maintain_order=True):
        folder = archive / f"date={datetime.fromtimestamp(int(str(day)) * DAY_MS / 1000, UTC):%Y-%m-%d}"
        folder.mkdir(parents=True, exist_ok=True)
        of_day.write_parquet(folder / f"{name}.parquet")


def label(archive: Path, fraud: Sequence[str], good: Sequence[str], known_at: int) -> None:
    """Say what payments of an archive turned out to be."""
    said = [*((each, True) for each in fraud), *((each, False) for each in good)]
    values = [encode(Label(transaction_id, is_fraud, known_at)) for transaction_id, is_fraud in said]
    rows = archived_labels(values, range(len(values)))
    write(archive / "labels", rows.with_columns(event_time="known_at"), f"labels-{known_at}")


def changed(archive: Path, change: Any) -> None:
    """Change every file of an archive."""
    for path in sorted(archive.glob("date=*/*.parquet")):
        rows = change(pl.read_parquet(path, hive_partitioning=False))
        if rows.height:
            rows.write_parquet(path)
        else:
            path.unlink()


def candidate(
    *rules: Rule, model: Model | None = None, event_type: EventType = CARD, threshold: float | None = None
) -> Candidate:
    """Return a candidate with these rules, or those of the event type."""
    detector = Detector.of(model or CountingModel(), event_type, threshold)
    ruleset = Ruleset(rules) if rules else detector.ruleset
    changed = Detector(detector.model, ruleset, detector.fraud_threshold, detector.decimals, detector.derived)
    return Candidate(changed, "a test")


def backtest(
    directory: Path,
    tested: Candidate,
    champion: Candidate | None = None,
    event_type: EventType = CARD,
    rows_at_once: int = ROWS_AT_ONCE,
    engine: Engine | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Return the report of a backtest."""
    source = Source(directory, event_type, rows_at_once)
    tests = Backtest(event_type, source, tested, champion, PARTITIONS, ALLOWED_LATENESS_MS, **options)
    return tests.run(engine=engine)
