"""Times, money and counts as people read them on the console's pages, in their own time zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from jinja2 import pass_context
from jinja2.runtime import Context

from fraudstream.domain.people import MoneyStyle, Person

DASH = "—"
SYMBOLS = {
    "USD": "$",
    "EUR": "€",
    "GBP": "£",
    "JPY": "¥",
    "CNY": "CN¥",
    "INR": "₹",
    "KRW": "₩",
    "BRL": "R$",
    "CHF": "CHF ",
}
"""Symbols that people expect before an amount; other currencies are written with their code."""

OUTCOMES = {"approve": "Approved", "review": "For review", "block": "Blocked"}
"""What the outcome of a payment is called."""

AGO = (("d", 86_400), ("h", 3_600), ("min", 60))


def in_zone(epoch_ms: int, zone: str) -> datetime:
    """Return a moment as clocks show it in a time zone."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).astimezone(ZoneInfo(zone))


def told_time(epoch_ms: int, zone: str) -> str:
    """Write date and time to the second, and the zone.

    >>> told_time(1_600_000_000_123, "Europe/Berlin")
    '2020-09-13 14:26:40 CEST'
    """
    return in_zone(epoch_ms, zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def told_span(seconds: float) -> str:
    """Write how long something takes or how old it is.

    >>> told_span(5), told_span(300), told_span(7_300), told_span(200_000)
    ('5 s', '5 min', '2 h', '2 d')
    """
    for unit, size in AGO:
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def told_money(amount: float, currency: str | None, decimals: int, style: MoneyStyle) -> str:
    """Write an amount with its currency, if it is known.

    >>> told_money(-1234.5, "EUR", 2, MoneyStyle.SYMBOL), told_money(1234.5, "EUR", 2, MoneyStyle.CODE), told_money(3, None, 0, MoneyStyle.CODE)
    ('-€1,234.50', '1,234.50 EUR', '3')
    """
    plain = f"{abs(amount):,.{decimals}f}"
    sign = "-" if amount < 0 and plain.strip("0.,") else ""
    if not currency:
        return f"{sign}{plain}"
    if style is MoneyStyle.SYMBOL and currency in SYMBOLS:
        return f"{sign}{SYMBOLS[currency]}{plain}"
    return f"{sign}{plain} {currency}"


def sentence(text: str) -> str:
    """Write what errors and reports say as a sentence of its own.

    >>> sentence("there is no column a; did you mean b?"), sentence("no")
    ('There is no column a; did you mean b?', 'No.')
    """
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "?")) else ".")


def outcome(name: str) -> str:
    """Say what a payment's outcome was; a name that is none stays as it is."""
    return OUTCOMES.get(name, name)


@pass_context
def moment(context: Context, epoch_ms: int | None) -> str:
    """Write a moment in the reader's time zone, and which it is."""
    return DASH if epoch_ms is None else told_time(epoch_ms, _zone(context))


@pass_context
def stamp(context: Context, epoch_ms: int | None) -> str:
    """Write a moment in the reader's time zone without saying which, for tables; the foot of every page says it."""
    return DASH if epoch_ms is None else in_zone(epoch_ms, _zone(context)).strftime("%Y-%m-%d %H:%M:%S")


@pass_context
def logged(context: Context, iso: str) -> str:
    """Write a moment that a log of releases, models or lists has as ISO 8601, in the reader's time zone, to the minute.

    What is no moment stays as it is.
    """
    try:
        at = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return at.astimezone(ZoneInfo(_zone(context))).strftime("%Y-%m-%d %H:%M")


@pass_context
def ago(context: Context, epoch_ms: int | None) -> str:
    """Write how long ago a moment was when the page was made."""
    return DASH if epoch_ms is None else told_span((context["now_ms"] - epoch_ms) / 1000)


@pass_context
def money(context: Context, amount: float | None, currency: str | None = None, decimals: int = 2) -> str:
    """Write an amount the way the reader wants currencies to be written."""
    person: Person | None = context["person"]
    style = person.money_style if person else MoneyStyle.CODE
    return DASH if amount is None else told_money(amount, currency, decimals, style)


def _zone(context: Context) -> str:
    person: Person | None = context["person"]
    return person.time_zone if person else "UTC"


FILTERS = {function.__name__: function for function in (moment, stamp, logged, ago, money, sentence, outcome)}
