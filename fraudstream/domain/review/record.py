"""A case as it is published on the topic `cases`: its newest state, so that a database can be restored from it."""

from typing import Any

import msgspec

from fraudstream.domain.review.actions import Action
from fraudstream.domain.review.case import Case
from fraudstream.domain.review.intake import Reviewed

PAYMENTS_MAX = 2_000
BYTES_MAX = 500_000
"""Half of what Kafka takes as a record by default. Of a larger case the oldest payments and notes are left out."""


class CaseChange(msgspec.Struct, frozen=True):
    """What somebody did with a case."""

    version: int
    """Of the case that it made."""
    at: int
    who: str
    action: Action


class Published(msgspec.Struct, frozen=True):
    """A case with its newest payments, without their decisions, and what people did with it."""

    case: Case
    payments: list[Reviewed]
    changes: list[CaseChange]

    @property
    def place(self) -> tuple[str, int]:
        """Which case it is, and how new."""
        return self.case.id, self.case.version


def encoded(published: Published) -> bytes:
    """Return the record's value, a flat JSON object: the fields of the case, `reviewed` and `changes`."""
    payments, changes = published.payments[:PAYMENTS_MAX], published.changes
    while True:
        told: dict[str, Any] = msgspec.to_builtins(published.case)
        told["reviewed"] = [_told(payment) for payment in payments]
        told["changes"] = msgspec.to_builtins(changes)
        value = msgspec.json.encode(told)
        if len(value) <= BYTES_MAX or not (payments or changes):
            return value
        payments, changes = (
            payments[: len(payments) // 2],
            changes[-(len(changes) // 2) :] if len(changes) > 1 else [],
        )


def decoded(value: bytes) -> Published:
    """Return what a record says; raises msgspec.DecodeError if it is none of ours."""
    told = msgspec.json.decode(value, type=dict[str, Any])
    reviewed = [{**each, "decision": None} for each in told.pop("reviewed", [])]
    changes = told.pop("changes", [])
    return msgspec.convert({"case": told, "payments": reviewed, "changes": changes}, Published)


def _told(payment: Reviewed) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(payment)
    del told["decision"]
    return told
