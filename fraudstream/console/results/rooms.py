"""The rooms that ask the archive: they share one way to it."""

from fastapi import APIRouter

from fraudstream.adapters.event_types import event_type_named
from fraudstream.analytics.archive import Archive
from fraudstream.console.app import Console
from fraudstream.console.results.pages import Results
from fraudstream.console.results.pages import add_routes as add_pages


def add_routes(router: APIRouter, console: Console) -> None:
    """Add the routes of results."""
    settings = console.settings
    units = event_type_named(settings.event_type).money.units
    archive = Archive(settings.archive_place, settings.data_dir / "analytics", units)
    add_pages(router, Results(console, archive))
