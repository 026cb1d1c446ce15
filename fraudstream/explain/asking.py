"""Explanations of archived decisions as people ask for them: by the id of a payment."""

import asyncio
from pathlib import Path
from typing import Any

from fraudstream.adapters.archive.lake import Lake
from fraudstream.adapters.archive.opening import object_store
from fraudstream.adapters.archive.search import ArchiveQuery, find
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.releases.store import Releases
from fraudstream.backtest.archived_days import archived_days, keys_since_ms
from fraudstream.backtest.source import Source
from fraudstream.domain.events.event_type import EventType
from fraudstream.explain.detectors import Detectors
from fraudstream.explain.explanation import Explainer
from fraudstream.settings import Settings


def explained(
    settings: Settings, event_type: EventType, transaction_id: str, place: str
) -> list[dict[str, Any]]:
    """Return the explanation of each decision on a payment; none if it is not in the archive at `place`. Not to be called from an event loop."""
    found = []
    for row in asyncio.run(_archived(place, transaction_id)):
        with archived_days(place, event_type, row["event_time"], row["event_time"]) as directory:
            explains = explainer(settings, event_type, directory)
            found += explains.one(transaction_id, row["event_time"], row["card"])
    return found


def explainer(settings: Settings, event_type: EventType, directory: Path) -> Explainer:
    """Return what explains the decisions in a directory."""
    detectors = Detectors(Registry.of(settings), Releases.of(settings), event_type, settings.fraud_threshold)
    return Explainer(
        event_type,
        Source(directory, event_type),
        detectors,
        settings.partitions,
        settings.lateness_horizon_s * 1000,
        keys_since_ms(settings),
    )


async def _archived(place: str, transaction_id: str) -> list[dict[str, Any]]:
    """Return the newest decision on a payment, if there is one."""
    async with object_store(place) as objects:
        return await find(Lake(objects), ArchiveQuery(transaction_id, limit=1))
