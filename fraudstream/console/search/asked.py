"""What somebody looks for, as a form sends it and as an address keeps it; card numbers become tokens in between."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from urllib.parse import unquote_plus, urlencode

from multidict import MultiMapping

from fraudstream.adapters.archive.filters import Filter
from fraudstream.adapters.archive.search import ArchiveQuery, Position
from fraudstream.console.formatting import in_zone
from fraudstream.console.reading import read_ms
from fraudstream.domain.card_numbers import without_card_numbers
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.rules import OUTCOMES
from fraudstream.domain.tokens import READ, Tokenizer

TEXTS = ("id", "merchant", "least", "most", "since", "until", "outcome", "rule", "before")
TOKEN = re.compile(r"[0-9a-f]{32}")
CARDS_MAX, FILTERS_MAX, TEXT_MAX = 20, 8, 256
_read_ms = partial(read_ms, wrong="write a time as 2026-11-21 or 2026-11-21T14:30")
NEWEST = "newest"
"""Parameter of a search for everything."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Everything that was filled in; an empty text means that it was not."""

    texts: Mapping[str, str]
    """By name, those of TEXTS; `since` and `until` as ISO 8601 in UTC."""
    cards: tuple[str, ...] = ()
    """Tokens of one card."""
    filters: tuple[str, ...] = ()
    """Conditions on any column, such as `zip_code=10115`."""
    everything: bool = False

    @property
    def anything(self) -> bool:
        """Whether somebody looks for something."""
        return bool(self.everything or self.cards or self.filters or any(self.texts.values()))

    def address(self, path: str = "/search", **changed: str) -> str:
        """Return where the answer is, and what any link to it says."""
        texts = dict(self.texts) | changed
        pairs = [(name, texts[name]) for name in TEXTS if texts.get(name)]
        pairs += [(name, value) for name, value in changed.items() if name not in TEXTS and value]
        pairs += [("card", card) for card in self.cards] + [("field", text) for text in self.filters]
        return f"{path}?{urlencode(pairs or [(NEWEST, '1')])}"

    def query(self, limit: int) -> ArchiveQuery:
        """Return it as the archive is asked; raises SetupError if something is not what it has to be."""
        texts = self.texts
        return ArchiveQuery(
            transaction_id=texts["id"] or None,
            filters=tuple(self._filters()),
            since_ms=_read_ms(texts["since"], UTC),
            until_ms=_read_ms(texts["until"], UTC),
            limit=limit,
            before=_position(texts["before"]),
            cards=self.cards,
        )

    def _filters(self) -> Iterator[Filter]:
        texts = self.texts
        for name, operator, given in (
            ("merchant", "~", "merchant"),
            ("amount", ">=", "least"),
            ("amount", "<=", "most"),
            ("outcome", "=", "outcome"),
            ("rules", "=", "rule"),
        ):
            if texts[given]:
                yield Filter(name, operator, texts[given])
        yield from map(Filter.written, self.filters)


def from_address(given: MultiMapping[str]) -> Asked:
    """Read an address; raises SetupError for what no form of ours has made."""
    cards = tuple(given.getall("card", []))
    if len(cards) > CARDS_MAX or not all(map(TOKEN.fullmatch, cards)):
        raise SetupError("a card is named by its token in an address, 32 hexadecimal digits")
    asked = Asked(_texts(given), cards, _conditions(given.getall("field", [])), NEWEST in given)
    asked.query(1)
    return asked


def from_form(given: MultiMapping[str], event_type: EventType, tokenizer: Tokenizer, zone: str) -> Asked:
    """Read a form, whose times are in somebody's time zone; a number of a card is only in this request.

    Raises SetupError, which repeats nothing of the form.
    """
    texts = _texts(given)
    for name in ("since", "until"):
        at_ms = _read_ms(texts[name], zone)
        texts[name] = "" if at_ms is None else _written(at_ms)
    cards = _tokens(given.get("card", "").strip(), event_type, tokenizer)
    names, operators, values = (given.getall(name, []) for name in ("name", "operator", "value"))
    written = (
        f"{name}{operator}{value.strip()}"
        for name, operator, value in zip(names, operators, values, strict=False)
        if name and value.strip()
    )
    asked = Asked(texts, cards, _conditions([*given.getall("field", []), *written]))
    asked = replace(asked, everything=not asked.anything)
    address = unquote_plus(asked.address())
    if without_card_numbers(address) != address:
        raise SetupError("the number of a card belongs in the field for it: there it becomes a token")
    asked.query(1)
    return asked


def local_time(text: str, zone: str) -> str:
    """Return a moment of an address as a form's field shows it in somebody's time zone.

    >>> local_time("2026-11-21T13:30:00Z", "Europe/Berlin"), local_time("", "UTC")
    ('2026-11-21T14:30:00', '')
    """
    at_ms = _read_ms(text, UTC)
    return "" if at_ms is None else in_zone(at_ms, zone).strftime("%Y-%m-%dT%H:%M:%S")


def day_start(text: str) -> str:
    """Return when a day begins as an address has it."""
    return f"{text}T00:00:00Z"


def _texts(given: MultiMapping[str]) -> dict[str, str]:
    texts = {name: given.get(name, "").strip() for name in TEXTS}
    if any(len(text) > TEXT_MAX or not text.isprintable() for text in texts.values()):
        raise SetupError(f"a field has at most {TEXT_MAX} printable characters")
    if texts["outcome"] and texts["outcome"] not in OUTCOMES:
        raise SetupError(f"an outcome is one of {', '.join(OUTCOMES)}")
    return texts


def _conditions(written: Sequence[str]) -> tuple[str, ...]:
    texts = tuple(text for text in written if text.strip())
    if len(texts) > FILTERS_MAX or any(len(text) > 2 * TEXT_MAX for text in texts):
        raise SetupError(f"a search has at most {FILTERS_MAX} further conditions")
    for text in texts:
        Filter.written(text)
    return texts


def _tokens(given: str, event_type: EventType, tokenizer: Tokenizer) -> tuple[str, ...]:
    """Return the tokens of a card under every key; a token, of which only one is known, as it is."""
    if not given:
        return ()
    if TOKEN.fullmatch(given):
        return (given,)
    if event_type.entity is None:
        raise SetupError("events of this type belong to nobody, so there is nothing to look for by")
    number = READ[event_type.entity.kind](given)
    return (tokenizer.token(number), *tokenizer.earlier(number))


def _position(text: str) -> Position | None:
    position = Position.written(text)
    if text and position is None:
        raise SetupError("this address does not lead to a page of a search")
    return position


def _written(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
