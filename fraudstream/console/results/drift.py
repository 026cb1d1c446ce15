"""Drift for the page: computed once a day and model, since it reads weeks of every feature."""

import asyncio
from datetime import date
from pathlib import Path
from typing import Any

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.models.files import name_of
from fraudstream.adapters.models.registry import Registry
from fraudstream.analytics.archive import Archive
from fraudstream.analytics.files import Days
from fraudstream.backtest.source import Source
from fraudstream.domain.registry.versions import Version
from fraudstream.domain.times import DAY_MS, midnight_ms
from fraudstream.drift.report import Drift
from fraudstream.offline.ranges import ranges_in
from fraudstream.settings import Settings

DAYS, WEEKS = 7, 8
SAID = {True: "drifted", False: "no", None: "too few payments to tell"}


class DriftReports:
    """Keeps the newest report."""

    def __init__(self, settings: Settings, archive: Archive) -> None:
        self._settings = settings
        self._archive = archive
        self._computing = asyncio.Lock()
        self._last: tuple[Any, dict[str, Any]] | None = None

    async def until(self, last: date) -> dict[str, Any]:
        """Return the report on the seven days up to a day; raises SetupError if there is nothing to compare."""
        first = date.fromordinal(max(1, last.toordinal() - 7 * WEEKS + 1))
        files = await self._archive.files.found(Days(first, last))
        models = Registry.of(self._settings)
        version = await asyncio.to_thread(models.resolve)
        key = (last, version, tuple(files.all_decisions), files.labels)
        async with self._computing:
            if self._last is None or self._last[0] != key:
                directory = self._archive.files.directory
                self._last = key, await asyncio.to_thread(self._report, directory, models, version, last)
            return self._last[1]

    def _report(self, directory: Path, models: Registry, version: Version, last: date) -> dict[str, Any]:
        manifest = models.manifest(version)
        source = Source(directory, event_type_named(self._settings.event_type))
        until_ms = midnight_ms(last) + DAY_MS
        report = Drift(source, ranges_in(manifest), name_of(manifest), DAYS, until_ms, WEEKS).report()
        for rows in (report["training"], report["before"]):
            rows.sort(key=lambda row: (row["drifted"] is not True, -row["psi"]))
            for row in rows:
                row["said"] = SAID[row["drifted"]]
        return report
