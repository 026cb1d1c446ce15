"""Numbers, times and decisions as people read them: filters and sentences of the templates."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from fraudstream.domain.degraded import LATE, ROTATED, RULE_FAILED, WARMING
from fraudstream.domain.events.amounts import HUNDREDTHS
from fraudstream.domain.features.catalogue import FEATURES
from fraudstream.domain.weekly import LOWER_BOUND, MISSING, REFUSED, STALE, TIMED_OUT, UNAVAILABLE

DASH = "—"
OUTCOME_WORDS = {"approve": "Approved", "review": "For review", "block": "Blocked"}
STATUS_WORDS = {
    "ok": "Healthy",
    "degraded": "Degraded: payments are decided with something missing",
    "recovering": "The worker is restoring its state",
    "stalled": "The worker has stopped making progress",
    "failing": "Failing: some payments are not decided",
}
STAGE_WORDS = {
    "queued": "Waiting its turn",
    "parse": "Parse",
    "activity": "Ten minutes",
    "weekly": "Week",
    "decide": "Score and rules",
    "publish": "Publish",
    "store": "Store",
}
DEGRADED_WORDS = {
    LATE: "it arrived so late that its windows may no longer be complete",
    WARMING: "the velocity features were declared so recently that a window reaches back to before",
    ROTATED: "the token changed within the ten minutes, so payments before that are not counted",
    MISSING: "there were no weekly aggregates",
    STALE: "the weekly aggregates are those of an earlier day, since the nightly job is behind",
    LOWER_BOUND: "the token changed in the days before, so numbers of different values may be larger",
    REFUSED: "the weekly store's record could not be true",
    TIMED_OUT: "the weekly aggregates did not arrive in time",
    UNAVAILABLE: "the weekly aggregates could not be read",
    RULE_FAILED: "a rule could not be computed, and was taken not to hold",
}


def money(value: float | None, decimals: int = HUNDREDTHS) -> str:
    """Write an amount with the decimals of its currency.

    >>> money(1234.5), money(None), money(-0.005, 3), money(15_000_000.0, 0)
    ('1,234.50', '—', '-0.005', '15,000,000')
    """
    return DASH if value is None else f"{value:,.{decimals}f}"


def count(value: float | None) -> str:
    """Write a count or rate; a decimal only where it matters.

    >>> count(12345), count(0.25), count(99.96), count(None)
    ('12,345', '0.2', '100', '—')
    """
    if value is None:
        return DASH
    return f"{value:,.0f}" if value == int(value) or value >= 99.5 else f"{value:,.1f}"


def ms(value: float | None) -> str:
    """Write a duration in milliseconds; three digits are enough, the rest is noise.

    >>> ms(0.123), ms(4.36), ms(57.4), ms(12345), ms(None)
    ('0.12', '4.4', '57', '12,345', '—')
    """
    if value is None:
        return DASH
    decimals = 0 if value >= 10 else 1 if value >= 1 else 2
    return f"{value:,.{decimals}f}"


def share(value: float | None) -> str:
    """Write a share in per cent; only exactly nothing is 0 % and exactly all 100 %.

    >>> share(1.0), share(0.9996), share(0.5), share(0.0004), share(0.0), share(None)
    ('100 %', '> 99.9 %', '50 %', '< 0.1 %', '0 %', '—')
    """
    if value is None:
        return DASH
    if value in (0.0, 1.0):
        return f"{100 * value:.0f} %"
    if not 0.001 <= value <= 0.999:
        return "< 0.1 %" if value < 0.5 else "> 99.9 %"
    return f"{100 * value:.1f}".removesuffix(".0") + " %"


def number(value: Any) -> str:
    """Write a feature's value.

    >>> number(3), number(0.123456), number(601.0), number(None)
    ('3', '0.1235', '601', '—')
    """
    if value is None:
        return DASH
    if isinstance(value, float):
        return f"{value:,.0f}" if value == int(value) else f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def clock(epoch_ms: int | None) -> str:
    """Write the time of day in UTC.

    >>> clock(1_600_000_000_123)
    '12:26:40'
    """
    return DASH if epoch_ms is None else _moment(epoch_ms).strftime("%H:%M:%S")


def moment(epoch_ms: int | None) -> str:
    """Write date and time in UTC.

    >>> moment(1_600_000_000_123)
    '2020-09-13 12:26:40 UTC'
    """
    return DASH if epoch_ms is None else _moment(epoch_ms).strftime("%Y-%m-%d %H:%M:%S UTC")


def stamp(epoch_ms: int) -> str:
    """Write date and time without the zone, for tables; the page says that all times are UTC.

    >>> stamp(1_600_000_000_123)
    '2020-09-13 12:26:40'
    """
    return _moment(epoch_ms).strftime("%Y-%m-%d %H:%M:%S")


def day(epoch_ms: int | None) -> str:
    """Write a date in UTC.

    >>> day(1_600_000_000_123)
    '2020-09-13'
    """
    return DASH if epoch_ms is None else _moment(epoch_ms).strftime("%Y-%m-%d")


def path_part(text: str) -> str:
    """Escape an id for one part of an address, slashes included.

    >>> path_part("a/b c")
    'a%2Fb%20c'
    """
    return quote(text, safe="")


def outcome(value: str) -> str:
    """Say an outcome in words."""
    return OUTCOME_WORDS.get(value, value)


def owner(decision: Mapping[str, Any], entity: str = "card") -> str:
    """Say whose payment it is; empty if events have no entity.

    >>> owner({"card": "98a587477db61478", "card_last4": "0366"}), owner({"card": "98a587477db61478", "card_last4": None}, "entity")
    ('card ending 0366', 'entity 98a58747')
    """
    if decision["card_last4"]:
        return f"{entity} ending {decision['card_last4']}"
    return f"{entity} {decision['card'][:8]}" if decision["card"] else ""


def summary(decision: Mapping[str, Any], decimals: int = HUNDREDTHS, entity: str = "card") -> str:
    """Say which decision a link leads to.

    >>> summary({"outcome": "block", "amount": 1234.5, "card": "98a58747", "card_last4": "0366"})
    'Blocked, 1,234.50, card ending 0366'
    """
    said = (outcome(decision["outcome"]), money(decision["amount"], decimals), owner(decision, entity))
    return ", ".join(filter(None, said))


def row_key(decision: Mapping[str, Any]) -> str:
    """Return a key for a table row, by which a browser recognises it after a refresh."""
    source = decision["source"]
    place = f"{source['topic']}-{source['partition']}-{source['offset']}"
    return f"{place}-{source['number']}" if source.get("number") else place


def headline(decision: Mapping[str, Any], decimals: int = HUNDREDTHS, entity: str = "card") -> str:
    """Say a decision in one sentence.

    >>> headline({"outcome": "block", "amount": 12.5, "probability": 0.934, "card": "98a58747", "card_last4": "0366"})
    'Blocked: a payment of 12.50 with card ending 0366. The model sees a 93.4 % chance of fraud.'
    >>> headline({"outcome": "approve", "amount": -12.5, "probability": 0.0, "card": None, "card_last4": None})
    'Approved: a refund of 12.50. The model sees a < 0.1 % chance of fraud.'
    """
    chance = share(min(max(decision["probability"], 1e-9), 1 - 1e-9))  # a model is never certain
    kind = "refund" if decision["amount"] < 0 else "payment"
    who = owner(decision, entity)
    payment = f"a {kind} of {money(abs(decision['amount']), decimals)}{f' with {who}' if who else ''}"
    return f"{outcome(decision['outcome'])}: {payment}. The model sees a {chance} chance of fraud."


def degraded(reason: str) -> str:
    """Say what was missing when a payment was decided."""
    return DEGRADED_WORDS.get(reason, reason)


def feature(name: str, declared: Mapping[str, str] = MappingProxyType({})) -> str:
    """Name a feature for people; `declared` are the event type's own."""
    return FEATURES[name].label if name in FEATURES else declared.get(name, name)


def status(name: str) -> str:
    """Say a status of the health in words."""
    return STATUS_WORDS.get(name, name)


def stage(name: str) -> str:
    """Name a stage of a decision for people."""
    return STAGE_WORDS.get(name, name)


def _moment(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, tz=UTC)


OF_MONEY: Mapping[str, Callable[..., str]] = {"money": money, "summary": summary, "headline": headline}
"""Filters that want the currency's decimals."""

OF_ENTITY = ("owner", "summary", "headline")
"""Filters that want to know what the entity is called."""

FILTERS = {
    function.__name__: function
    for function in (
        count,
        ms,
        share,
        number,
        clock,
        moment,
        stamp,
        day,
        path_part,
        outcome,
        owner,
        row_key,
        degraded,
        feature,
        status,
        stage,
    )
}
