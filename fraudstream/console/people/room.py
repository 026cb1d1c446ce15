"""All routes of the room."""

from fastapi import APIRouter

from fraudstream.console.app import Console
from fraudstream.console.people import account, audit, invitations, keys, listing, login, oidc, start
from fraudstream.console.people.checking import Passwords


def routes(console: Console) -> APIRouter:
    """Return the routes."""
    router, passwords = APIRouter(), Passwords(console)
    for of_passwords in (login.routes, invitations.routes, account.routes):
        router.include_router(of_passwords(console, passwords))
    for others in (oidc.routes, start.routes, listing.routes, keys.routes, audit.routes):
        router.include_router(others(console))
    return router
