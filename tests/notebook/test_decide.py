"""`decide` of a frame is what a worker publishes, to the last bit, whatever the frame's columns are."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.degraded import RULE_FAILED
from fraudstream.domain.detector import Detector
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.schema import DECIDED_AT
from fraudstream.domain.model import Model
from fraudstream.domain.rules import Rule, Ruleset
from fraudstream.notebook.detector import OpenDetector
from fraudstream.notebook.reading import Form
from fraudstream.parity.payments import made_up
from fraudstream.settings import Settings
from fraudstream.traffic.encoder import EncodedBatch, Encoder
from tests.agents.memory_worker import ALLOWED_LATENESS_MS, PARTITIONS, MemoryWorker
from tests.builders import CountingModel
from tests.parity.test_event_types import CASES, EARLIER_MS, decisions_of, weeks

LOOSE = ("source", DECIDED_AT.name, "timing_ms")
"""Fields of a decision that a frame's has not."""


def opened(event_type: EventType, model: Model, tmp_path: Path) -> OpenDetector:
    """Return a detector with the memory worker's key, partitions and lateness."""
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path,
        card_token_keys="00" * 32,
        partitions=PARTITIONS,
        lateness_horizon_s=ALLOWED_LATENESS_MS // 1000,
    )
    return OpenDetector(settings, event_type, Detector.of(model, event_type), "1.0")


def flat(decision: dict[str, Any]) -> dict[str, Any]:
    """Return a published decision as one row."""
    rest = {name: value for name, value in decision.items() if name not in (*LOOSE, "variables", "features")}
    return decision.get("variables", {}) | decision["features"] | rest


def texts(rows: list[dict[str, Any]], has_id: bool = True) -> list[str]:
    """Return rows as text, in order, each number with all its digits; without ids where they are places in the log.

    Booleans among a decision's features are published as 1 and 0.
    """
    if not has_id:
        rows = [row | {"transaction_id": None} for row in rows]
    numbers = [
        {name: int(value) if type(value) is bool else value for name, value in row.items()} for row in rows
    ]
    return sorted(json.dumps(row, sort_keys=True) for row in numbers)


def rows_of(decided: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the decisions of a frame."""
    return decided.filter(pl.col("refused").is_null()).drop("refused").to_dicts()


def as_events(batch: EncodedBatch) -> pl.DataFrame:
    """Return the records of payments as a frame, with objects as structs."""
    values = [json.loads(message.value) for message in batch.messages]
    return pl.DataFrame(values, infer_schema_length=None)


@pytest.mark.parametrize("form", ["history", "events"])
@pytest.mark.parametrize(("event_type", "model"), CASES)
async def test_a_frame_is_decided_as_by_a_worker(
    event_type: EventType, model: Model, form: Form, tmp_path: Path
) -> None:
    """Late, repeated, contradicted, refunded and reversed payments of every event type: the same values, bit by bit."""
    stream = made_up(400, 7, event_type).with_columns(pl.col("event_time") - EARLIER_MS)
    batch = Encoder(event_type, PARTITIONS).encode(stream, None)
    detector = opened(event_type, model, tmp_path)

    decided = detector.decide(stream if form == "history" else as_events(batch), form=form)

    conflicts = decided["refused"].is_not_null()
    settled = stream.filter(~conflicts)
    store = weeks(tmp_path, settled, event_type) if event_type.entity else None
    worker = MemoryWorker(tmp_path / "worker", store, event_type, model)
    published = [flat(each) for of_partition in await decisions_of(worker, batch) for each in of_partition]
    assert stream.height == decided.height
    has_id = event_type.id is not None
    assert texts(published, has_id) == texts(rows_of(decided), has_id)
    assert [text for text in decided["refused"].unique() if text is not None] in (
        [],
        ["conflict: the id came before with another time or amount"],
    )


async def test_a_pandas_frame_comes_back_as_pandas(tmp_path: Path) -> None:
    """With its index, and the same decisions."""
    event_type, model = CASES[0]
    stream = made_up(200, 3, event_type)
    detector = opened(event_type, model, tmp_path)
    given = stream.to_pandas().set_index(pl.Series([f"i{row}" for row in range(stream.height)]).to_numpy())

    decided: Any = detector.decide(given)

    assert list(given.index) == list(decided.index)
    assert rows_of(detector.decide(stream)) == rows_of(pl.from_pandas(decided.reset_index(drop=True)))


async def test_a_rule_that_fails_for_a_payment_is_said(tmp_path: Path) -> None:
    """As a worker does: the rule does not hold, and `degraded` has it."""
    event_type = event_type_named("card")
    rules = Ruleset([Rule("power", "POW(num_trans_last_10m, 0 - num_trans_last_10m) > 0", "block")])
    detector = opened(event_type, CountingModel(), tmp_path)
    detector = replace(detector, detector=Detector.of(CountingModel(), event_type, ruleset=rules))
    decided = detector.decide(
        pl.DataFrame([{"tid": "a", "cc_num": "4006080197832643", "amount": 1.5, "trans_ts": 1.58e9}])
    )

    assert ["approve"] == decided["outcome"].to_list()
    assert RULE_FAILED in decided["degraded"][0].to_list()
