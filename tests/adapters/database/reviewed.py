"""Payments to be reviewed, for tests of cases."""

import json
from typing import Any

from fraudstream.domain.review.intake import Incoming, Intake

INTAKE = Intake("card", frozenset({"watched"}))


def decision(transaction_id: str, card: str | None, amount: float, decided_at: int, **more: Any) -> bytes:
    """Return a published decision of outcome review."""
    said = {
        "transaction_id": transaction_id,
        "card": card,
        "card_last4": None if card is None else card[-4:],
        "event_time": decided_at - 20,
        "amount": amount,
        "score": 800,
        "outcome": "review",
        "rules": ["suspicious"],
        "decided_at": decided_at,
    }
    return json.dumps(said | more, separators=(",", ":")).encode()


def incoming(
    transaction_id: str, card: str | None, amount: float = 10.0, decided_at: int = 1_000, **more: Any
) -> Incoming:
    """Return a payment that is to be reviewed."""
    found = INTAKE.incoming(decision(transaction_id, card, amount, decided_at, **more))
    assert found is not None
    return found
