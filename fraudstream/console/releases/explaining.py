"""The page that makes an archived decision again: identical, or what differs and why; and what would have changed it."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from fraudstream.console.app import Console
from fraudstream.console.releases.workshop import Workshop
from fraudstream.explain.asking import explained


def add_routes(router: APIRouter, console: Console) -> None:
    """Add the routes of /payments/explain."""
    workshop = Workshop(console)

    def found(transaction_id: str) -> list[dict[str, Any]]:
        if not transaction_id:
            return []
        settings = console.settings
        return explained(settings, workshop.event_type, transaction_id, settings.archive_place)

    @router.get("/payments/explain")
    def explain(request: Request, id: str = "") -> Response:  # noqa: A002 - the word in the address
        person = console.person(request)
        explanations = found(id)
        return console.page(
            request,
            person,
            "releases/explained.html",
            status=200 if explanations else 404,
            id=id,
            explanations=explanations,
            event_type=workshop.event_type.name,
        )

    @router.get("/payments/explain.json")
    def as_json(request: Request, id: str = "") -> Response:  # noqa: A002 - the word in the address
        console.person(request)
        explanations = found(id)
        return JSONResponse(explanations, 200 if explanations else 404)
