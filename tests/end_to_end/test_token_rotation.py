"""Another key from one moment on: exact before, marked for ten minutes, exact after; the week is found throughout."""

import asyncio
import json
import shutil
import time
from pathlib import Path
from typing import Any

from fraudstream.adapters.weekly.files import newest_snapshot
from fraudstream.domain.times import DAY_MS
from fraudstream.settings import Settings
from tests.canary.world import canary_and_other
from tests.end_to_end.harness import Worker, decisions_of, produce

SECONDS = (-30, -20, -1, 0, 10, 599, 600, 610)
"""Payments of one card, before and after the cut."""


def cut_at_s(settings: Settings) -> float:
    """Return when the second key begins to count: an hour ago in event time, but on the day of the weekly snapshot."""
    midnight_s = newest_snapshot(settings.weekly_dir).as_of_ms / 1000
    return max(midnight_s - SECONDS[0], min(time.time() // 1 - 3600, midnight_s + DAY_MS / 1000 - 700))


async def decide(settings: Settings, number: str, cut_s: float) -> list[dict[str, Any]]:
    """Pay at some seconds around the cut and return the decisions by time."""
    paid = [
        {"cc_num": int(number), "amount": 10.0, "trans_ts": cut_s + second, "tid": f"t{second}"}
        for second in SECONDS
    ]
    await produce(settings, [(number.encode(), json.dumps(payment).encode()) for payment in paid])
    decisions = await decisions_of(settings, {payment["tid"] for payment in paid}, timeout_s=90)
    return sorted({d["transaction_id"]: d for d in decisions}.values(), key=lambda d: d["event_time"])


def test_a_key_is_rotated_while_a_card_pays(kafka_settings: Settings, small_world: Path) -> None:
    """The weekly snapshot was made under the first key, the state before the cut too."""
    shutil.copytree(small_world, kafka_settings.data_dir, ignore=shutil.ignore_patterns("state", "*.log"))
    # Just after midnight some of the payments are ahead of the clock.
    settings = kafka_settings.model_copy(update={"future_tolerance_s": 1200})
    number, _ = canary_and_other(settings)
    cut_s = cut_at_s(settings)
    path = settings.card_token_key_path
    since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(cut_s))
    path.write_text(f"{path.read_text()}\n1:{'5e' * 32} from={since}\n")
    tokenizer = settings.tokenizer()
    before, after = (tokenizer.at(int(cut_s * 1000) + ms).token(number) for ms in (-1, 0))
    with Worker(settings, ("-m", "fraudstream", "worker", "--without-web")):
        decided = asyncio.run(decide(settings, number, cut_s))

    assert [before] * 3 + [after] * 5 == [d["card"] for d in decided]
    assert [1, 2, 3, 1, 2, 3, 4, 4] == [d["features"]["num_trans_last_10m"] for d in decided]
    assert [[]] * 3 + [["token-rotated"]] * 3 + [[]] * 2 == [d["degraded"] for d in decided]
    weeks = {(d["features"]["num_trans_last_1w"], d["features"]["avg_amt_last_1w"]) for d in decided}
    assert 1 == len(weeks)
    assert 0 < min(count for count, _ in weeks)
