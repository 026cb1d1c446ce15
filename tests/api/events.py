"""Payments as programs ask for them."""

import time
from typing import Any

from tests.end_to_end.test_worker import CARDS


def event(tid: str, after_s: float = 0, card: int = 0, **changed: Any) -> dict[str, Any]:
    """Return a payment made a minute ago or later."""
    paid = {
        "tid": tid,
        "cc_num": CARDS[card],
        "amount": 1.5,
        "trans_ts": round(time.time() - 60 + after_s, 3),
    }
    return paid | changed
