"""A file is decided as by a worker that gets the same events: the same values, bit by bit, slice after slice."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fraudstream.domain.detector import Detector
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.events.parser import Parser, entity_index
from fraudstream.domain.model import Model
from fraudstream.domain.tokens import Tokenizer
from fraudstream.domain.weekly import NoWeeks
from fraudstream.notebook.decisions import FrameDecider
from fraudstream.offline.import_rows import Judge
from fraudstream.offline.written_times import Times
from fraudstream.parity.payments import made_up
from fraudstream.predict.activity import FileActivity
from fraudstream.predict.events import Rows
from fraudstream.predict.slices import Files
from fraudstream.traffic.encoder import Encoder
from tests.agents.memory_worker import ALLOWED_LATENESS_MS, PARTITIONS, MemoryWorker
from tests.notebook.test_decide import flat, rows_of, texts
from tests.parity.test_event_types import CASES, EARLIER_MS, decisions_of, weeks

SLICE_ROWS = 37
NEVER_MS = 4_000_000_000_000


def written(stream: pl.DataFrame, path: Path, origin_ms: int = 0) -> Path:
    """Write payments to a file of the kind that its name says; times in seconds since an origin if there is one."""
    if origin_ms:
        stream = stream.with_columns((pl.col("event_time") - origin_ms) / 1000)
    if path.suffix == ".csv":
        stream.write_csv(path)
    else:
        stream.write_parquet(path)
    return path


@pytest.mark.parametrize("ending", ["parquet", "csv"])
@pytest.mark.parametrize(("event_type", "model"), CASES)
async def test_a_file_is_decided_as_by_a_worker(
    event_type: EventType, model: Model, ending: str, tmp_path: Path
) -> None:
    """Late, repeated, contradicted, refunded and reversed payments; half of the file by another process, as after a kill."""
    stream = made_up(400, 7, event_type).with_columns(pl.col("event_time") - EARLIER_MS)
    path = written(stream, tmp_path / f"events.{ending}", event_type.time.origin_ms)
    files = Files([path], slice_rows=SLICE_ROWS)
    entities = entity_index(event_type, Tokenizer(bytes(32)), PARTITIONS)
    judge = Judge(event_type, Times(), NEVER_MS)
    rows = Rows.of(
        files.schema.names(), {}, judge, Parser(event_type, entities, ALLOWED_LATENESS_MS), files.paths[0]
    )
    store = weeks(tmp_path, stream, event_type) if event_type.entity else NoWeeks()
    changes: list[bytes] = []

    def some(skipped: int, to: int) -> list[pl.DataFrame]:
        activity = FileActivity(event_type.windows, ALLOWED_LATENESS_MS)
        decider = FrameDecider(Detector.of(model, event_type), event_type, ALLOWED_LATENESS_MS, activity)
        for each in changes:
            activity.remember(each)
        made = []
        for part in files.slices(skipped):
            if part.number < to:
                made.append(decider.decide(rows.events(part), part.rows.height, store))
                changes.append(activity.changes())
        return made

    decided = pl.concat([*some(0, 5), *some(5, 100)])

    worker = MemoryWorker(tmp_path / "worker", store, event_type, model)
    batch = Encoder(event_type, PARTITIONS).encode(stream, None)
    published = [flat(each) for of_partition in await decisions_of(worker, batch) for each in of_partition]
    has_id = event_type.id is not None
    assert stream.height == decided.height
    assert texts(published, has_id) == texts(rows_of(decided), has_id)


def test_a_row_has_the_same_decision_whatever_the_slices_are(tmp_path: Path) -> None:
    """Also where an entity's payments are in two slices."""
    event_type, model = CASES[0]
    path = written(made_up(400, 11, event_type), tmp_path / "events.parquet")
    parser = Parser(event_type, entity_index(event_type, Tokenizer(bytes(32)), PARTITIONS), 0)

    def decided(slice_rows: int) -> list[dict[str, Any]]:
        files = Files([path], slice_rows=slice_rows)
        rows = Rows.of(files.schema.names(), {}, Judge(event_type, Times(), NEVER_MS), parser, path)
        activity = FileActivity(event_type.windows, ALLOWED_LATENESS_MS)
        decider = FrameDecider(Detector.of(model, event_type), event_type, ALLOWED_LATENESS_MS, activity)
        each = [decider.decide(rows.events(part), part.rows.height, NoWeeks()) for part in files.slices()]
        return pl.concat(each).to_dicts()

    assert decided(1_000) == decided(129) == decided(1)
