"""A poison record, which kills every worker that decides it, is found and set aside, and the rest is decided."""

import json
import time

from fraudstream.settings import Settings
from tests.end_to_end.harness import Worker, decisions_of, produce, read_all, settled
from tests.end_to_end.test_worker import CARDS, encoded


async def test_a_payment_that_kills_the_worker_becomes_a_dead_letter(kafka_settings: Settings) -> None:
    """Supervised, the worker is killed three times over eight payments, then over halves of them, then never again."""
    settings = kafka_settings.model_copy(update={"web": False, "session_timeout_s": 6.0})
    start = time.time() - 60
    sent = [
        {"tid": f"p{n}", "cc_num": CARDS[0], "amount": 666.66 if n == 5 else 5.0, "trans_ts": start + n}
        for n in range(8)
    ]
    await produce(settings, [encoded(payment) for payment in sent])
    others = {f"p{n}" for n in range(8)} - {"p5"}
    with Worker(settings, ("-m", "tests.end_to_end.fragile_worker")) as worker:
        decisions = await decisions_of(settings, others, timeout_s=240)
        await settled(settings)
        crashes = worker.log.count("was ended by SIGKILL")
    letters = [json.loads(record.value or b"") for record in await read_all(settings, "dead-letters")]
    counts = {d["transaction_id"]: d["features"]["num_trans_last_10m"] for d in decisions}

    assert others == counts.keys()
    assert [1, 2, 3, 4, 5, 6, 7] == [counts[tid] for tid in sorted(others)]
    assert ["poison"] == [letter["reason"] for letter in letters]
    assert (settings.topic("transactions"), 5) == (letters[0]["topic"], letters[0]["offset"])
    assert 6 == crashes
