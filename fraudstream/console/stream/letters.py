"""Pages of dead letters: counted by reason and producer, one by one, and sent again."""

import asyncio
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from fraudstream import topics
from fraudstream.adapters.database.resends import Resends
from fraudstream.console.access import form_of
from fraudstream.console.app import Console
from fraudstream.console.stream.shown import indented
from fraudstream.dead_letters.letters import Letter, chosen, counted
from fraudstream.dead_letters.reading import NEWEST_MAX, letters_named, newest_letters
from fraudstream.dead_letters.resending import AT_ONCE_MAX, Resender, Resent
from fraudstream.dead_letters.words import words_of
from fraudstream.domain.errors import SetupError
from fraudstream.domain.people import Permission, Person
from fraudstream.settings import Settings

PAGE = 50
ADDRESS = "/stream/dead-letters"


def add_routes(router: APIRouter, console: Console) -> None:
    """Add the routes."""
    resends = Resends(console.engine)
    settings = console.settings
    topic = settings.topic(topics.DEAD_LETTERS.name)

    async def page(
        request: Request, person: Person, asked: "Asked", results: list[Resent] | None = None
    ) -> Response:
        letters = await newest_letters(settings)
        fitting = chosen(letters, asked.reasons, asked.producers)
        shown = fitting[(asked.page - 1) * PAGE : asked.page * PAGE]
        sent = await asyncio.to_thread(resends.of, [letter.key for letter in fitting])
        done = {key for key, one in sent.items() if one.sent_at is not None}
        pages = -(-len(fitting) // PAGE)
        values: dict[str, Any] = {
            "letters": shown,
            "fitting": len(fitting),
            "sendable": sum(not letter.why_not and letter.key not in done for letter in fitting),
            "counts": counted(letters),
            "newest": NEWEST_MAX,
            "whole": len(letters) < NEWEST_MAX,
            "sent": sent,
            "done": done,
            "asked": asked,
            "results": results,
            "words_of": words_of,
            "indented": indented,
            "topic": topic,
            "at_once": AT_ONCE_MAX,
            "may": person.may(Permission.RESEND),
            "older": asked.address(asked.page + 1) if asked.page < pages else "",
            "newer": asked.address(asked.page - 1) if asked.page > 1 else "",
        }
        return console.page(request, person, "dead_letters.html", **values)

    @router.get(ADDRESS)
    async def listed(request: Request, reason: str = "", producer: str = "") -> Response:
        number = request.query_params.get("page", "1")
        asked = Asked(
            reason[:200], producer[:200], int(number) if number.isdigit() and len(number) < 6 else 1
        )
        return await page(request, console.person(request), asked)

    @router.post(f"{ADDRESS}/resend")
    async def resend(request: Request) -> Response:
        person = console.person(request, Permission.RESEND)
        form = await form_of(request)
        asked = Asked(str(form.get("reason", "")), str(form.get("producer", "")))
        letters = await _wanted(settings, resends, form, asked)
        results = await Resender(settings, resends).resend(letters, person.name)
        return await page(request, person, asked, results)


class Asked:
    """Which dead letters somebody wants to see."""

    def __init__(self, reason: str = "", producer: str = "", page: int = 1) -> None:
        self.reason, self.producer, self.page = reason, producer, max(page, 1)
        self.reasons = [reason] if reason else []
        self.producers = [producer] if producer else []

    def address(self, page: int = 1) -> str:
        """Return where they are."""
        return f"{ADDRESS}?{urlencode({'reason': self.reason, 'producer': self.producer, 'page': page})}"


async def _wanted(settings: Settings, resends: Resends, form: FormData, asked: Asked) -> list[Letter]:
    """Return the letters that were chosen, or all that somebody saw and that were not sent again before."""
    ids = [str(each) for each in form.getlist("id")]
    if not form.get("all"):
        if not 1 <= len(ids) <= AT_ONCE_MAX:
            raise SetupError(f"choose 1 to {AT_ONCE_MAX} dead letters to send again")
        return await letters_named(settings, ids)
    letters = chosen(await newest_letters(settings), asked.reasons, asked.producers)
    sent = await asyncio.to_thread(resends.of, [letter.key for letter in letters])
    waiting = [each for each in letters if each.key not in sent or sent[each.key].sent_at is None]
    return [letter for letter in waiting if not letter.why_not][:AT_ONCE_MAX]
