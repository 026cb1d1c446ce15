"""What may stand in an address: strict, and never repeated in an answer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fraudstream.adapters.lake_search import Wanted
from fraudstream.domain.times import moment_ms

CARD_TOKEN = re.compile(r"[0-9a-f]{32}")
"""A card is its token. Card numbers are no addresses: they would end up in histories, proxies and logs."""

TRANSACTION_ID_MAX = 256


class PageError(Exception):
    """An answer other than 200; `message` is one sentence for the reader and holds nothing the reader sent."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def not_found(what: str) -> PageError:
    """Return the 404 of a thing."""
    return PageError(404, "not-found", what)


@dataclass(frozen=True, slots=True)
class Number:
    """A whole-number query parameter with its bounds."""

    default: int | None
    least: int
    most: int


LIMIT = Number(50, 1, 200)
BEFORE = Number(None, 0, 2**53)
SECONDS = Number(300, 10, 899)
LOCAL = Number(0, 0, 1)


def numbers(query: Mapping[str, str], **known: Number) -> dict[str, int | None]:
    """Read the known parameters; raises a 400 for unknown, repeated, malformed or out-of-range ones."""
    if set(query) - set(known):
        names = ", ".join(known) or "none"
        raise PageError(400, "unknown-parameter", f"This address knows these parameters: {names}.")
    values: dict[str, int | None] = {}
    for name, number in known.items():
        text = query.get(name)
        if text is None:
            values[name] = number.default
            continue
        if not re.fullmatch(r"[0-9]{1,16}", text) or not number.least <= int(text) <= number.most:
            sentence = f"{name} must be a whole number from {number.least} to {number.most}."
            raise PageError(400, "invalid-parameter", sentence)
        values[name] = int(text)
    return values


def card_token(text: str) -> str:
    """Return a card token; raises a 404 that does not repeat what was asked for, as it may be a card number."""
    if not CARD_TOKEN.fullmatch(text):
        raise not_found(
            "A card is addressed by its token, 32 hexadecimal digits; card numbers are not accepted."
        )
    return text


def transaction_id(text: str) -> str:
    """Return a transaction id; raises a 404 if it cannot be one."""
    if not 1 <= len(text) <= TRANSACTION_ID_MAX:
        raise not_found("No transaction has an id of that length.")
    return text


SEARCH = ("id", "card", "field", "since", "until", "limit")


def archive_search(query: Mapping[str, str]) -> Wanted | None:
    """Read what is to be looked for in the archive, None if nothing; empty parameters, as forms send them, do not count."""
    if set(query) - set(SEARCH):
        raise PageError(
            400, "unknown-parameter", f"This address knows these parameters: {', '.join(SEARCH)}."
        )
    given = {name: value for name, value in query.items() if value}
    if not given:
        return None
    name, _, value = given.get("field", "").partition("=")
    if "field" in given and not (name and value):
        raise PageError(400, "invalid-parameter", "field is written as name=value.")
    return Wanted(
        transaction_id=transaction_id(given["id"]) if "id" in given else None,
        card=card_token(given["card"]) if "card" in given else None,
        fields={name: value} if name else {},
        since_ms=_moment_ms(given.get("since")),
        until_ms=_moment_ms(given.get("until")),
        limit=numbers({"limit": given["limit"]} if "limit" in given else {}, limit=LIMIT)["limit"] or 0,
    )


def _moment_ms(text: str | None) -> int | None:
    """Read a day or a moment in ISO 8601; without a zone it is UTC."""
    if text is None:
        return None
    try:
        return moment_ms(text)
    except ValueError:
        sentence = "since and until are written as 2026-11-21 or 2026-11-21T14:30."
        raise PageError(400, "invalid-parameter", sentence) from None
