"""Logging in by an OpenID Connect provider."""

import asyncio
import base64
import binascii
import hmac
import json
from dataclasses import asdict
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from fraudstream.adapters.database.people import User
from fraudstream.adapters.oidc.provider import Begun, Identity, NotBelieved, Provider, client_secret_in
from fraudstream.console.access import Forbidden, local
from fraudstream.console.app import Console
from fraudstream.domain.errors import SetupError

MINUTES = 10
"""How long a login at the provider may take."""


def add_routes(router: APIRouter, console: Console) -> None:
    """Add the routes; none if there is no provider. Raises SetupError."""
    settings = console.settings
    if settings.oidc_issuer is None:
        return
    if settings.console_url is None:
        raise SetupError(
            "login by FRAUDSTREAM_OIDC_ISSUER needs FRAUDSTREAM_CONSOLE_URL, where the provider leads back to"
        )
    if urlsplit(settings.oidc_issuer).scheme == "http" and console.secure:
        raise SetupError("FRAUDSTREAM_OIDC_ISSUER must be an https URL, as FRAUDSTREAM_CONSOLE_URL is")
    secret = client_secret_in(settings.oidc_client_secret_file)
    provider = Provider(settings.oidc_issuer, settings.oidc_client_id, secret, settings.oidc_name_claim)
    back = f"{settings.console_url}/oidc/callback"
    cookie = f"{console.access.cookie}-oidc"

    @router.get("/oidc/login")
    async def begin(request: Request, next: str = "/") -> Response:  # noqa: A002 - the word in the address
        url, begun = await provider.begin(back)
        answer = RedirectResponse(url, 303)
        kept = base64.urlsafe_b64encode(json.dumps(asdict(begun) | {"next": local(next)}).encode()).decode()
        answer.set_cookie(
            cookie, kept, max_age=MINUTES * 60, path="/", secure=console.secure, httponly=True, samesite="lax"
        )
        return answer

    @router.get("/oidc/callback")
    async def finish(request: Request, code: str = "", state: str = "", error: str = "") -> Response:
        begun, onward = _begun(request.cookies.get(cookie, ""))
        if begun is None or not hmac.compare_digest(begun.state.encode(), state.encode()):
            raise Forbidden("this login was not begun in this browser, or too long ago; log in again")
        if error or not code:
            raise Forbidden("the login provider has not let you in")
        try:
            identity = await provider.finish(code, begun, back)
        except NotBelieved as not_believed:
            console.metrics.login("wrong")
            raise Forbidden(str(not_believed)) from not_believed
        user = await asyncio.to_thread(_user, console, identity)
        console.metrics.login("right")
        answer = RedirectResponse(onward, 303)
        await asyncio.to_thread(console.access.begin, request, answer, user)
        answer.delete_cookie(cookie, path="/", secure=console.secure, httponly=True, samesite="lax")
        return answer


def _begun(kept: str) -> tuple[Begun | None, str]:
    """Return the login that a cookie keeps, and where it leads to."""
    try:
        found = json.loads(base64.urlsafe_b64decode(kept.encode()))
        return Begun(str(found["state"]), str(found["nonce"]), str(found["verifier"])), local(
            str(found["next"])
        )
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None, "/"


def _user(console: Console, identity: Identity) -> User:
    """Return whom the provider means: known by its subject, else invited by the name, else new if a setting says so."""
    people, by = console.people, identity.name
    user = people.by_subject(identity.subject)
    if user is None:
        user = people.find(identity.name)
        if user is None and console.settings.oidc_role is not None:
            user = people.create(by, identity.name, console.settings.oidc_role, identity.shown)
        if user is None:
            raise Forbidden(f"nobody has invited {identity.name} to the console; ask an admin")
        if user.oidc_subject is not None:
            raise Forbidden(
                f"{identity.name} logs in here with another account of the login provider; ask an admin"
            )
        if user.disabled_at is None:
            people.link(by, user.name, identity.subject)
    if user.disabled_at is not None:
        raise Forbidden("you are disabled here; ask an admin")
    return user
