"""The routes of cases."""

from fastapi import APIRouter

from fraudstream.console.app import Console
from fraudstream.console.cases import many, page, queue
from fraudstream.console.cases.desk import Desk


def add_routes(router: APIRouter, console: Console) -> None:
    """Add the routes."""
    desk = Desk(console)
    queue.add_routes(router, console, desk)
    many.add_routes(router, console, desk)
    page.add_routes(router, console, desk)
