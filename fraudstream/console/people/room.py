"""All routes of the room."""

from fastapi import APIRouter

from fraudstream.console.app import Console
from fraudstream.console.people import account, audit, invitations, keys, listing, login, oidc, start
from fraudstream.console.people.checking import Passwords


def add_routes(router: APIRouter, console: Console) -> None:
    """Add the routes."""
    passwords = Passwords(console)
    for of_passwords in (login.add_routes, invitations.add_routes, account.add_routes):
        of_passwords(router, console, passwords)
    for others in (oidc.add_routes, start.add_routes, listing.add_routes, keys.add_routes, audit.add_routes):
        others(router, console)
