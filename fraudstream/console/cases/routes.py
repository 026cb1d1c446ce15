"""The routes of cases."""

from fastapi import APIRouter

from fraudstream.console.app import Console
from fraudstream.console.cases import many, page, queue
from fraudstream.console.cases.desk import Desk


def routes(console: Console) -> APIRouter:
    """Return the routes."""
    desk = Desk(console)
    router = APIRouter()
    router.include_router(queue.routes(console, desk))
    router.include_router(many.routes(console, desk))
    router.include_router(page.routes(console, desk))
    return router
