"""Many cases in a database, made as alerts make them, and many values on a list."""

import itertools
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import msgspec
import numpy as np
from sqlalchemy import Engine

from fraudstream.adapters.database.case_intake import take_payments
from fraudstream.adapters.database.case_queries import View
from fraudstream.adapters.database.cases import CaseStore
from fraudstream.domain.lists.entries import Change, Listed, Listing
from fraudstream.domain.review.actions import Close
from fraudstream.domain.review.case import Finding
from fraudstream.domain.review.intake import Incoming, Intake
from fraudstream.domain.times import DAY_MS

AT_ONCE = 5_000
CLOSED_SHARE = 0.1
PAYMENTS_PER_CASE = 1.5
DUE_MS = DAY_MS
WEEK_MS = 7 * DAY_MS
INTAKE = Intake("card")
SOME = 200
CLOSE = Close(Finding.LEGITIMATE, "measured")


def alerts(cases: int, now_ms: int, seed: int = 1) -> Iterator[Incoming]:
    """Yield payments that open so many cases and join them, over the last week."""
    rng = np.random.default_rng(seed)
    count = round(cases * PAYMENTS_PER_CASE)
    cards = [*range(cases), *rng.integers(0, cases, count - cases).tolist()]
    amounts = np.round(rng.lognormal(4, 1.2, count), 2).tolist()
    ages_ms = np.sort(rng.integers(0, WEEK_MS, count))[::-1].tolist()
    for number, (card, amount, age_ms) in enumerate(zip(cards, amounts, ages_ms, strict=True)):
        found = INTAKE.incoming(_decision(number, card, amount, now_ms - age_ms))
        assert found is not None
        yield found


def _decision(number: int, card: int, amount: float, at_ms: int) -> bytes:
    """Return a decision as it is published."""
    token = f"{card:032x}"
    return msgspec.json.encode(
        {
            "transaction_id": f"bench-{number}",
            "card": token,
            "card_last4": token[-4:],
            "event_time": at_ms,
            "amount": amount,
            "variables": {"merchant": f"Shop {number % 997}", "zip_code": str(10_000 + number % 89_999)},
            "features": {"num_trans_last_10m": 1 + number % 7, "avg_amt_last_10m": amount},
            "probability": 0.5,
            "score": 250 + number % 550,
            "outcome": "review",
            "fraud": True,
            "rules": ["likely-fraud"],
            "reasons": ["2 s after the previous payment", f"amount of {amount}"],
            "model_version": "card-1.0",
            "ruleset_version": "210722febbfe",
            "weekly_as_of": None,
            "degraded": [],
            "decided_at": at_ms + 8,
        }
    )


def fill(engine: Engine, cases: int, told: Callable[[str], None]) -> list[str]:
    """Open so many cases and close a share of them; return the ids of some that are open."""
    store, now_ms = CaseStore(engine), time.time_ns() // 1_000_000
    began, incoming = time.perf_counter(), alerts(cases, now_ms)
    while some := list(itertools.islice(incoming, AT_ONCE)):
        with store.transaction() as transaction:
            take_payments(transaction.connection, some, now_ms, DUE_MS)
    with store.reading() as reading:
        found = [case.id for case in reading.queue(View(), limit=round(cases * CLOSED_SHARE) + SOME)]
    closed, some_open = found[SOME:], found[:SOME]
    for at in range(0, len(closed), AT_ONCE):
        with store.transaction() as transaction:
            transaction.change_all(closed[at : at + AT_ONCE], CLOSE, "bench", over=True)
    told(f"{cases:,} cases, {len(closed):,} of them closed, in {time.perf_counter() - began:.0f} s")
    return some_open


def on_a_list(values: int) -> list[Change]:
    """Return what puts so many values on a list."""
    at = datetime.now(UTC)
    made = Change("many", None, Listing("text", "watch", "bench", at))
    return [made, *(Change("many", f"value {number}", Listed("bench", at)) for number in range(values))]
