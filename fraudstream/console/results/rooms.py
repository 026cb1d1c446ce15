"""The rooms that ask the archive: they share one way to it."""

from fastapi import APIRouter

from fraudstream.adapters.event_types import event_type_named
from fraudstream.analytics.archive import Archive
from fraudstream.console.app import Console
from fraudstream.console.results.pages import Results, routes_of


def routes(console: Console) -> APIRouter:
    """Return the routes of results."""
    settings = console.settings
    units = event_type_named(settings.event_type).money.units
    archive = Archive(settings.archive_place, settings.data_dir / "analytics", units)
    return routes_of(Results(console, archive))
