"""The newest decisions of this worker, for its pages; not state, lost with the process.

The encoded decisions that went to Kafka are kept as they are and decoded when somebody asks: adding a
micro-batch is one C-level `extend`, looking something up scans at most `capacity` byte strings.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec

from fraudstream.domain.rules import is_alert

Decision = dict[str, Any]
"""A decision as it is published (topic `decisions`)."""


@dataclass(frozen=True, slots=True)
class DecidedChunk:
    """A decided micro-batch: outcome and published JSON of each decision."""

    outcomes: list[str]
    encoded: list[bytes]


@dataclass(frozen=True, slots=True)
class Page:
    """Some decisions, newest first; `next_before` asks for the page after it, None if there is none."""

    decisions: list[Decision]
    next_before: int | None


class _Ring:
    """The newest encoded decisions, numbered from 0 in order of arrival for ever."""

    def __init__(self, capacity: int) -> None:
        self._rows: deque[bytes] = deque(maxlen=capacity)
        self._arrived = 0

    def extend(self, encoded: list[bytes]) -> None:
        self._rows.extend(encoded)
        self._arrived += len(encoded)

    def page(self, limit: int, before: int | None) -> Page:
        """Return up to `limit` decisions whose number is below `before`."""
        skip = 0 if before is None else max(0, self._arrived - before)
        rows = [msgspec.json.decode(row) for row in islice(reversed(self._rows), skip, skip + limit)]
        more = skip + len(rows) < len(self._rows)
        return Page(rows, self._arrived - skip - len(rows) if more else None)

    def newest(self, limit: int) -> list[bytes]:
        """Return up to `limit` decisions, newest first."""
        return list(islice(reversed(self._rows), limit))

    def holding(self, field: str, value: str) -> Iterator[Decision]:
        """Yield decisions whose `field` equals `value`, newest first.

        The byte search only sorts out candidates; the decoded field decides.
        """
        needle = msgspec.json.encode(value)
        for row in reversed(self._rows):
            if needle in row:
                decision: Decision = msgspec.json.decode(row)
                if decision.get(field) == value:
                    yield decision


class RecentDecisions:
    """The last `capacity` decisions, and separately the last `alerts_capacity` that were not approved.

    Alerts are kept apart, because at full speed a second of approvals would push them out.
    """

    def __init__(self, capacity: int = 20_000, alerts_capacity: int = 2_000) -> None:
        self._all = _Ring(capacity)
        self._alerts = _Ring(alerts_capacity)

    def add(self, chunk: DecidedChunk) -> None:
        """Append a whole micro-batch, in order of decision."""
        self._all.extend(chunk.encoded)
        decisions = zip(chunk.outcomes, chunk.encoded, strict=True)
        self._alerts.extend([encoded for outcome, encoded in decisions if is_alert(outcome)])

    def latest(self, limit: int, before: int | None = None) -> list[Decision]:
        """Return the newest decisions, newest first."""
        return self._all.page(limit, before).decisions

    def alerts(self, limit: int, before: int | None = None) -> list[Decision]:
        """Return the newest decisions that were not approved, newest first."""
        return self._alerts.page(limit, before).decisions

    def encoded(self, limit: int) -> list[bytes]:
        """Return the newest decisions as they were published, newest first."""
        return self._all.newest(limit)

    def latest_page(self, limit: int, before: int | None = None) -> Page:
        """Return a page of decisions; `before` is the `next_before` of the page before."""
        return self._all.page(limit, before)

    def alerts_page(self, limit: int, before: int | None = None) -> Page:
        """Return a page of alerts; `before` is the `next_before` of the page before."""
        return self._alerts.page(limit, before)

    def by_id(self, transaction_id: str) -> Decision | None:
        """Return the newest decision on a transaction, or None if it is not (or no longer) here."""
        found = self._all.holding("transaction_id", transaction_id)
        return next(found, None) or next(self._alerts.holding("transaction_id", transaction_id), None)

    def by_card(self, card: str, limit: int) -> list[Decision]:
        """Return the newest decisions on a card (token), newest first."""
        decisions = list(islice(self._all.holding("card", card), limit))
        seen = {decision["transaction_id"] for decision in decisions}
        older = (row for row in self._alerts.holding("card", card) if row["transaction_id"] not in seen)
        return decisions + list(islice(older, limit - len(decisions)))
