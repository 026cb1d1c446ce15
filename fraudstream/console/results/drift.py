"""Drift for the page: computed once a day and model, since it reads weeks of every feature."""

import asyncio
from collections import OrderedDict
from datetime import date, timedelta
from typing import Any

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.models.files import name_of
from fraudstream.adapters.models.registry import Registry
from fraudstream.analytics.archive import Archive
from fraudstream.analytics.files import Days
from fraudstream.backtest.source import Source
from fraudstream.domain.local_days import day_begins_ms, day_ends_ms
from fraudstream.domain.registry.versions import Version
from fraudstream.drift.report import Drift
from fraudstream.offline.ranges import ranges_in
from fraudstream.settings import Settings

DAYS, WEEKS = 7, 8
REPORTS = 4
"""How many are kept: the newest days, as readers in some time zones count them."""
SAID = {True: "drifted", False: "no", None: "too few payments to tell"}


class DriftReports:
    """Keeps the reports that were asked for last."""

    def __init__(self, settings: Settings, archive: Archive) -> None:
        self._settings = settings
        self._archive = archive
        self._computing = asyncio.Lock()
        self._reports: OrderedDict[Any, dict[str, Any]] = OrderedDict()

    async def until(self, last: date, zone: str) -> dict[str, Any]:
        """Return the report on the seven days of a time zone up to a day; raises SetupError if there is nothing to compare."""
        first, until_ms = last - timedelta(days=7 * WEEKS - 1), day_ends_ms(last, zone)
        files = await self._archive.files.found(Days.between(day_begins_ms(first, zone), until_ms))
        models = Registry.of(self._settings)
        version = await asyncio.to_thread(models.resolve)
        key = (until_ms, zone, version, tuple(files.all_decisions), files.labels)
        async with self._computing:
            if key not in self._reports:
                found = await asyncio.to_thread(self._report, models, version, until_ms, zone)
                self._reports[key] = found
                if len(self._reports) > REPORTS:
                    self._reports.popitem(last=False)
            self._reports.move_to_end(key)
            return self._reports[key]

    def _report(self, models: Registry, version: Version, until_ms: int, zone: str) -> dict[str, Any]:
        manifest = models.manifest(version)
        source = Source(self._archive.files.directory, event_type_named(self._settings.event_type))
        drift = Drift(source, ranges_in(manifest), name_of(manifest), DAYS, until_ms, WEEKS, zone)
        report = drift.report()
        for rows in (report["training"], report["before"]):
            rows.sort(key=lambda row: (row["drifted"] is not True, -row["psi"]))
            for row in rows:
                row["said"] = SAID[row["drifted"]]
        return report
