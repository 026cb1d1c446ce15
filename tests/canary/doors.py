"""A canary's card number given to every door that is no topic: the API, the protocol of Fraud Detector, and every form of the console."""

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import aiohttp

from fraudstream.adapters.broker.ports import claim
from fraudstream.adapters.database.api_keys import SCOPES, ApiKeys
from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.people import People
from fraudstream.adapters.database.sessions import Sessions
from fraudstream.console.rooms import ROOMS
from fraudstream.domain.people import Role
from fraudstream.settings import Settings
from tests.end_to_end.harness import Worker

START_S = 60.0
COOKIE = "fraudstream"
TYPED = ("text", "search", "email", "number", "url", "textarea", "")
"""Kinds of fields that people type into."""
NOT_SENT = ("/logout", "/account/password", "/account/sessions")
"""Forms that would end the session which sends them."""

Answer = tuple[str, bytes]
"""What was asked, and everything that was answered."""


async def ask_api(settings: Settings, canary: str) -> list[Answer]:
    """Run an API and give it the number in every place; return its answers. Needs a running worker."""
    port = claim(0)[0]
    engine = opened(settings.database_url)
    key = ApiKeys(engine).create("canary", SCOPES)
    engine.dispose()
    running = settings.model_copy(update={"api_port": port, "api_fraud_detector": True})
    with Worker(running, ("-m", "fraudstream", "api", "-l", "debug")):
        base = f"http://127.0.0.1:{port}"
        await _answers(base)
        headers = {"Authorization": f"Bearer {key}", "X-Deadline-Ms": "5000"}
        async with aiohttp.ClientSession(base, headers=headers) as session:
            return [await _sent(session, *each) for each in _requests(canary)]


def _requests(canary: str) -> Iterator[tuple[str, str, Any]]:
    """Yield method, address and body."""
    dashed = "-".join(canary[start : start + 4] for start in range(0, len(canary), 4))
    event = {"cc_num": int(canary), "amount": 12.5, "trans_ts": time.time(), "tid": "door-1"}
    for number, changed in enumerate(
        (
            {},
            {"cc_num": dashed, "merchant": f"paid with {canary}", "zip_code": int(canary)},
            {"colour": canary, canary: 1, "device": {"pan": dashed}},
            {"tid": canary},
            {"amount": canary},
            {"trans_ts": int(canary)},
            {"cc_num": f"{canary}x"},
        )
    ):
        asked = event | {"tid": f"door-{number}"} | changed
        yield "POST", "/v1/predictions", asked
        yield "POST", "/v1/predictions", [asked, asked]
        yield "POST", "/v1/score", {"event": asked}
    yield "POST", "/v1/score", {"event": event, "features": {canary: 1}, "release": canary}
    yield "POST", "/v1/predictions", dashed.encode()
    yield "POST", "/v1/predictions", b'{"cc_num": ' + canary.encode()
    for address in ("/v1/predictions", "/v1/score", "/v1/labels", "/v1/lists/watched", "/"):
        yield "POST", f"{address}?cc_num={canary}", event
    for address in (
        f"/v1/predictions/{canary}",
        f"/v1/predictions/{dashed}",
        f"/{canary}",
        f"/docs?{canary}",
    ):
        yield "GET", address, None
    label = {"transaction_id": "door-1", "fraud": True}
    for changed in ({"note": f"card {dashed}"}, {"source": canary}, {canary: canary}):
        yield "POST", "/v1/labels", label | changed
    add = {"value": canary, "reason": f"{dashed} was stolen", "author": canary}
    for name in ("watched", canary):
        yield "POST", f"/v1/lists/{name}", {"kind": "cards", "add": [add]}
        yield "POST", f"/v1/lists/{name}", {"kind": "merchants", "add": [add]}
    yield (
        "POST",
        "/",
        {"eventId": canary, "entities": [{"entityId": canary}], "eventVariables": {"card": dashed}},
    )


async def fill_forms(settings: Settings, canary: str) -> list[Answer]:
    """Run a console, look at every room and send each of its forms with the number in whatever can be typed; return the answers."""
    port = claim(0)[0]
    engine = opened(settings.database_url)
    user = People(engine).create("test", "canary", Role.ADMIN)
    secret = Sessions(engine).begin(user.id, user.name, 12, "canary")
    engine.dispose()
    running = settings.model_copy(update={"console_port": port})
    found = []
    with Worker(running, ("-m", "fraudstream", "console", "-l", "debug")):
        base = f"http://127.0.0.1:{port}"
        await _answers(base)
        cookies = {COOKIE: secret}
        async with aiohttp.ClientSession(base, cookies=cookies) as session:
            for room in ROOMS:
                page = await _sent(session, "GET", room.path)
                found += [page, await _sent(session, "GET", f"{room.path}?q={canary}&{canary}=1")]
                for form in forms_of(page[1].decode(errors="replace")):
                    if form.action.partition("?")[0] in NOT_SENT:
                        continue
                    filled = form.filled(f"{canary} {room.path}"), form.filled(canary)
                    found += [
                        await _sent(session, form.method, form.action, each, form=True) for each in filled
                    ]
            found += [await _sent(session, "GET", f"/{canary}")]
    return found


@dataclass
class Form:
    """A form of a page."""

    action: str
    method: str
    fields: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Name -> kind and value."""

    def filled(self, typed: str) -> dict[str, str]:
        """Return what is sent if somebody types this into every field."""
        return {name: typed if kind in TYPED else value for name, (kind, value) in self.fields.items()}


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open = self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = "form"
            self.forms.append(Form(given.get("action", ""), given.get("method", "get").upper()))
        elif self._open and self.forms and tag in ("input", "textarea", "button") and given.get("name"):
            kind = tag if tag != "input" else given.get("type", "")
            self.forms[-1].fields[given["name"]] = kind, given.get("value", "")
        elif self._open and tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and self._select:
            chosen = "selected" in given or self._select not in self.forms[-1].fields
            if chosen:
                self.forms[-1].fields[self._select] = "select", given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = ""
        elif tag == "select":
            self._select = ""


def forms_of(page: str) -> list[Form]:
    """Return the forms of a page."""
    reading = _Forms()
    reading.feed(page)
    return reading.forms


async def _sent(
    session: aiohttp.ClientSession, method: str, address: str, body: Any = None, form: bool = False
) -> Answer:
    """Ask, and return what was asked and everything that came back."""
    given: dict[str, Any] = {"params": body} if form and method == "GET" else {"data": body}
    if not form and body is not None:
        given = {"data": body if isinstance(body, bytes) else json.dumps(body)}
    async with session.request(method, address, allow_redirects=False, **given) as answer:
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        return f"{method} {address} {str(body)[:120]}", head.encode() + b"\n" + await answer.read()


async def _answers(base: str) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + START_S
    async with aiohttp.ClientSession(base) as session:
        while True:
            try:
                async with session.get("/health"):
                    return
            except aiohttp.ClientConnectionError:
                assert time.monotonic() < deadline, f"{base} does not answer"
                await asyncio.sleep(0.1)
