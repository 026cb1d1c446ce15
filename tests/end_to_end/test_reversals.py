"""Reversals with a real worker: killed in between, its state rebuilt from the log, and verified."""

import json
import time
from pathlib import Path
from typing import Any

from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.settings import Settings
from fraudstream.state.rebuild import rebuild_changelog, wipe_all
from fraudstream.state.verify import compare_all, directories
from tests.end_to_end.harness import Worker, decisions_of, produce, read_all, settled
from tests.end_to_end.test_damaged_state import group_empty

EVENT_TYPE = """
name = "own"
id = "id"
[entity]
field = "account"
kind = "text"
[time]
fields = ["at"]
[amount]
field = "value"
currency = "EUR"
[variables]
original = "string"
[velocity]
spent = { function = "sum", of = "amount", window = "1h" }
[reversal]
of = "original"
"""
PAID, REVERSED_EVERY, UNKNOWN_EVERY = 400, 8, 50


def event(number: int, start_s: float) -> dict[str, Any]:
    """Return an event of one of five accounts; some take back the event of the account two before, some one that never came."""
    paid = {
        "id": f"p-{number}",
        "account": f"acc-{number % 5}",
        "value": 1 + number % 9,
        "at": start_s + number,
    }
    if number % UNKNOWN_EVERY == 49:
        return paid | {"original": "never"}
    return paid | ({"original": f"p-{number - 10}"} if number % REVERSED_EVERY == 7 and number > 10 else {})


def expected(events: list[dict[str, Any]]) -> dict[str, tuple[float, float | None]]:
    """Return what each event spent within the hour, and whether its original is known: one account after the other."""
    answers: dict[str, tuple[float, float | None]] = {}
    standing: dict[str, dict[str, int]] = {}
    seen: dict[str, set[str]] = {}
    for each in events:
        account, known = standing.setdefault(each["account"], {}), seen.setdefault(each["account"], set())
        original = each.get("original")
        if original is None:
            account[each["id"]] = each["value"]
        answers[each["id"]] = (sum(account.values()), None if original is None else float(original in known))
        account.pop(original, None)
        known.add(each["id"])
    return answers


async def test_reversals_are_decided_though_the_worker_is_killed_and_its_state_rebuilt(
    kafka_settings: Settings, tmp_path: Path
) -> None:
    """Each decision is that of a list of the account's events, before and after; log, changelog and RocksDB are equal."""
    path = tmp_path / "own.toml"
    path.write_text(EVENT_TYPE)
    settings = kafka_settings.model_copy(update={"event_type": str(path), "web": False})
    await ensure_topics(settings)
    start_s = time.time() - PAID - 60
    events = [event(number, start_s) for number in range(PAID)]
    values = [(each["account"].encode(), json.dumps(each).encode()) for each in events]
    third = PAID // 3
    await produce(settings, values[:third])
    with Worker(settings) as worker:
        await decisions_of(settings, {"p-0"})
        worker.kill()
    with Worker(settings):
        await produce(settings, values[third : 2 * third])
        await settled(settings)
    await group_empty(settings)
    before = await compare_all(settings)
    await rebuild_changelog(settings, before, afresh=range(settings.partitions))
    wipe_all(directories(settings))
    await produce(settings, values[2 * third :])
    with Worker(settings):
        await settled(settings)
    await group_empty(settings)
    decisions = [json.loads(record.value) for record in await read_all(settings, "decisions")]
    told = {
        each["transaction_id"]: (each["features"]["spent"], each["features"]["reversal_known"])
        for each in decisions
    }

    assert all(each.clean for each in before)
    assert all(each.clean for each in await compare_all(settings))
    assert expected(events) == told
    assert {0.0, 1.0, None} == {known for _, known in told.values()}
