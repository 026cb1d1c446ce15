"""Records of several events: a real worker, killed in between, gives every event one outcome, and its state is verified."""

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.settings import Settings
from fraudstream.state.verify import compare_all
from tests.end_to_end.harness import Worker, decisions_of, produce, read_all, settled
from tests.end_to_end.test_damaged_state import group_empty

EVENT_TYPE = """
name = "own"
id = "id"
[envelope]
events = "%s"
[entity]
field = "account"
kind = "text"
[time]
fields = ["at"]
[amount]
field = "value"
currency = "EUR"
"""
RECORDS, EVENTS = 60, 25
BAD_EVERY = 10
"""Each tenth record has one event that is none."""


def events_of(record: int, start_s: float) -> list[dict[str, Any]]:
    """Return the events of a record, of some accounts at home on either partition."""
    return [
        {
            "id": f"p-{number}",
            "account": f"acc-{number % 7}",
            "value": number % 50,
            "at": start_s + number / 100,
        }
        for number in range(record * EVENTS, (record + 1) * EVENTS)
    ]


@pytest.mark.parametrize("events", ["array", "lines"])
async def test_every_event_of_a_record_has_one_outcome_though_the_worker_is_killed(
    kafka_settings: Settings, tmp_path: Path, events: str
) -> None:
    """Decided once or, after the kill, again and equal; the bad ones are dead letters with their number."""
    path = tmp_path / "own.toml"
    path.write_text(EVENT_TYPE % events)
    settings = kafka_settings.model_copy(update={"event_type": str(path), "web": False})
    await ensure_topics(settings)
    start_s, bad = time.time() - 600, set()
    values = []
    for record in range(RECORDS):
        texts = [json.dumps(each) for each in events_of(record, start_s)]
        if record % BAD_EVERY == 3:
            bad.add(f"p-{record * EVENTS + 11}")
            texts[11] = "5" if events == "array" else '{"id": '
        text = "\n".join(texts) if events == "lines" else f"[{','.join(texts)}]"
        values.append((None, text.encode()))
    for partition in (0, 1):
        await produce(settings, values[partition::2][:15], partition=partition)
    with Worker(settings) as worker:
        await decisions_of(settings, {"p-0"})
        worker.kill()
    for partition in (0, 1):
        await produce(settings, values[partition::2][15:], partition=partition)
    with Worker(settings):
        await settled(settings)
    await group_empty(settings)
    decisions = [json.loads(record.value) for record in await read_all(settings, "decisions")]
    letters = [json.loads(record.value) for record in await read_all(settings, "dead-letters")]
    verified = await compare_all(settings)

    features: dict[str, dict[str, float]] = {}
    for decision in decisions:
        assert features.setdefault(decision["transaction_id"], decision["features"]) == decision["features"]
    assert {f"p-{number}" for number in range(RECORDS * EVENTS)} - bad == set(features)
    assert {12} == {letter["number"] for letter in letters}
    assert RECORDS // BAD_EVERY == len(
        Counter((each["topic"], each["partition"], each["offset"]) for each in letters)
    )
    assert all(each.clean for each in verified)
    assert len(features) == sum(each.changelog.entries for each in verified)
