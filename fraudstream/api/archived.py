"""Decisions that this process does not remember, from the archive."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import msgspec

from fraudstream.adapters.archive.lake import Lake
from fraudstream.adapters.archive.opening import object_store
from fraudstream.adapters.archive.search import ArchiveQuery, find
from fraudstream.api.outcomes import Outcome
from fraudstream.domain.archived import unarchived
from fraudstream.domain.errors import FraudstreamError
from fraudstream.domain.events.event_type import EventType

logger = logging.getLogger(__name__)

SEARCH_S = 5.0
SEARCHES_MAX = 4
"""How many searches may run at once; more wait."""


class ArchivedDecisions:
    """Searches the archive by transaction id."""

    def __init__(self, place: str, event_type: EventType) -> None:
        """`place`: directory or s3:// URL."""
        self._place = place
        self._declared = event_type.declared
        self._turns = asyncio.Semaphore(SEARCHES_MAX)

    async def rows(self, query: ArchiveQuery) -> list[dict[str, Any]]:
        """Return what matches; raises FraudstreamError, or TimeoutError."""
        async with asyncio.timeout(SEARCH_S), self._turns, object_store(self._place) as objects:
            return await find(Lake(objects), query)

    def decision(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the decision of an archived event as it was published."""
        return unarchived(row, self._declared)

    async def find(self, transaction_id: str) -> Outcome:
        """Return the decision, or that there is none to be found."""
        try:
            rows = await self.rows(ArchiveQuery(transaction_id, limit=1))
        except TimeoutError:
            return Outcome(
                code="unavailable",
                detail="the archive could not be searched in time; ask again",
                transaction_id=transaction_id,
            )
        except FraudstreamError as error:
            logger.warning("the archive cannot be searched: %s", error)
            return Outcome(
                code="unavailable", detail="the archive cannot be searched now", transaction_id=transaction_id
            )
        if not rows:
            detail = "no decision with this id is known here; it may not be archived yet"
            return Outcome(code="unknown", detail=detail, transaction_id=transaction_id)
        return Outcome(decision=msgspec.json.encode(self.decision(rows[0])))
