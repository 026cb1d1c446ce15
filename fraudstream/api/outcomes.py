"""What an asker is told of an event: its decision as it is published, or why there is none."""

from dataclasses import dataclass
from typing import Any

import msgspec

from fraudstream.deciding.dead_letters import CONFLICT
from fraudstream.domain.card_numbers import masked

STATUS = {
    "conflict": 409,
    "invalid": 422,
    "unavailable": 503,
    "late": 504,
    "crowded": 429,
    "unknown": 404,
}
"""Code of an outcome without a decision -> HTTP status of an answer about one event."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision, or a code of `STATUS` with a sentence."""

    decision: bytes | None = None
    code: str = ""
    detail: str = ""
    transaction_id: str = ""
    """Under which the decision can be fetched later; empty if it is not known."""

    @property
    def status(self) -> int:
        """Return the HTTP status of an answer about this event alone."""
        return 200 if self.decision is not None else STATUS[self.code]

    def to_bytes(self) -> bytes:
        """Return the JSON of the answer."""
        if self.decision is not None:
            return self.decision
        error = {"code": self.code, "detail": masked(self.detail)}
        if self.transaction_id:
            error["transaction_id"] = self.transaction_id
        return msgspec.json.encode({"error": error})


def replied(value: bytes) -> Outcome:
    """Return what a record of the topic `replies` says: a decision, or a dead letter."""
    said: dict[str, Any] = msgspec.json.decode(value)
    if "reason" not in said:
        return Outcome(decision=value, transaction_id=said["transaction_id"])
    code = "conflict" if said["reason"] == CONFLICT else "invalid"
    return Outcome(code=code, detail=f"{said['reason']}: {said['detail']}")
