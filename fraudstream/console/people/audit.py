"""The audit trail on a page."""

import json

from fastapi import APIRouter, Request, Response

from fraudstream.adapters.database.audit import Broken, entries, verified
from fraudstream.console.app import Console
from fraudstream.domain.people import Permission

ROWS = 100


def add_routes(router: APIRouter, console: Console) -> None:
    """Add the routes."""

    @router.get("/audit")
    def audit(
        request: Request, person: str = "", action: str = "", subject: str = "", before: int | None = None
    ) -> Response:
        reader = console.person(request, Permission.READ_AUDIT)
        found = entries(
            console.engine, person.strip(), action.strip(), subject.strip(), before, limit=ROWS + 1
        )
        rows = [(each, json.loads(each.details)) for each in found[:ROWS]]
        asked = {"person": person, "action": action, "subject": subject}
        older = found[ROWS - 1].number if len(found) > ROWS else None
        return console.page(request, reader, "audit.html", rows=rows, asked=asked, older=older, before=before)

    @router.get("/audit/verified")
    def verify(request: Request) -> Response:
        reader = console.person(request, Permission.READ_AUDIT)
        found = verified(console.engine)
        broken = found if isinstance(found, Broken) else None
        last = None if isinstance(found, Broken) else found
        return console.page(request, reader, "audit_verified.html", broken=broken, last=last)
