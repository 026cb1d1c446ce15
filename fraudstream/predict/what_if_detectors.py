"""The detectors that what-if questions are judged by: loaded once, and which release is active believed for a moment."""

import asyncio
import time
from collections import OrderedDict
from dataclasses import replace

from fraudstream.adapters.lists.topic import read_table
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.lists.table import NO_LISTS, Lists
from fraudstream.predict.detectors import Chosen, chosen_with_lists
from fraudstream.settings import Settings

BELIEVED_S = 10.0
"""How long it is believed which release is active, and what is on lists."""

KEPT_MAX = 4
"""Detectors in memory: the newest asked for."""


class WhatIfDetectors:
    """Finds detectors by the number of their release."""

    def __init__(self, settings: Settings, event_type: EventType) -> None:
        self._settings, self._event_type = settings, event_type
        self._kept: OrderedDict[int | None, tuple[Chosen, float]] = OrderedDict()
        self._lists: tuple[Lists, float] = (NO_LISTS, -BELIEVED_S)
        self._one_loads = asyncio.Lock()

    async def chosen(self, release: int | None) -> Chosen:
        """Return a detector; None: that of the active release, or what workers have if none is. Raises SetupError."""
        async with self._one_loads:
            found = await self._found(release)
            if found.detector.ruleset.calls:
                return found._replace(detector=replace(found.detector, lists=await self._current_lists()))
            return found

    async def _found(self, release: int | None) -> Chosen:
        kept = self._kept.get(release)
        if kept is not None and (release is not None or time.monotonic() < kept[1] + BELIEVED_S):
            self._kept.move_to_end(release)
            return kept[0]  # a numbered release never changes
        named = None if release is None else str(release)
        found = await asyncio.to_thread(chosen_with_lists, self._settings, self._event_type, named, None)
        self._kept[release] = found, time.monotonic()
        self._kept.move_to_end(release)
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return found

    async def _current_lists(self) -> Lists:
        lists, at_s = self._lists
        if time.monotonic() >= at_s + BELIEVED_S:
            lists = await read_table(self._settings)
            self._lists = lists, time.monotonic()
        return lists
