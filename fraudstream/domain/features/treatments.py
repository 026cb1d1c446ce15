"""Treatments: what turns a variable that is no number into numbers that models take, each declared once.

A treatment is a function of one value of one event, so one event, a micro-batch and years of history have the same bits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

from fraudstream.domain.times import DAY_MS, HOUR_MS
from fraudstream.domain.windows.cells import as_text

Treatment = Literal[
    "category", "frequency", "fraud_rate", "hour", "weekday", "length", "digits", "letters", "others"
]
TREATMENTS: tuple[Treatment, ...] = get_args(Treatment)

Asked: TypeAlias = tuple[Treatment, ...] | Literal["auto"]
"""How a variable is to be treated; "auto": found at training from its type and its values, (): not at all."""

AUTO: Asked = "auto"
NOT_AT_ALL = "none"
"""What files and options write for no treatment."""

TEXT: tuple[Treatment, ...] = ("length", "digits", "letters", "others")
PARTS_OF_TIME: tuple[Treatment, ...] = ("hour", "weekday")
BY_VALUE: tuple[Treatment, ...] = ("category", "frequency", "fraud_rate")
"""They look a value up in a table that was made at training."""

OF_TYPES: Mapping[str, tuple[Treatment, ...]] = {
    "string": (*BY_VALUE, *TEXT),
    "integer": BY_VALUE,
    "timestamp": PARTS_OF_TIME,
    "float": (),
    "boolean": (),
}
"""Type of a variable -> what can be made of it; numbers and booleans are features as they are."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
THURSDAY = 3
"""1970-01-01."""

SHOWN_MAX = 60
"""Characters of a value that a reason shows."""


def label_of(name: str) -> str:
    """Return what pages call a variable.

    >>> label_of("merchant_city")
    'Merchant city'
    """
    return name.replace("_", " ").capitalize()


def text_of(value: Any) -> str:
    """Return a value as the table of a treatment has it."""
    return value if type(value) is str else as_text(value)


def hour(time_ms: Any) -> Any:
    """Return the hour of the day in UTC, 0 to 23, of one time or of many."""
    return time_ms // HOUR_MS % 24


def weekday(time_ms: Any) -> Any:
    """Return the day of the week in UTC, 0 for Monday, of one time or of many.

    >>> WEEKDAYS[weekday(0)]
    'Thursday'
    """
    return (time_ms // DAY_MS + THURSDAY) % 7


def _share(of: Callable[[str], bool]) -> Callable[[str], float | None]:
    """Return a function that tells which share of a text's characters something holds for; None for an empty text."""
    return lambda text: sum(map(of, text)) / len(text) if text else None


def _is_other(character: str) -> bool:
    return not (character.isdigit() or character.isalpha())


OF_TIMES: Mapping[Treatment, Callable[[Any], Any]] = {"hour": hour, "weekday": weekday}
OF_TEXTS: Mapping[Treatment, Callable[[str], float | None]] = {
    "length": len,
    "digits": _share(str.isdigit),
    "letters": _share(str.isalpha),
    "others": _share(_is_other),
}


@dataclass(frozen=True, slots=True)
class Described:
    """What people are told of a treatment: what pages call it, and the reason it is for a high score."""

    label: str
    """After the variable's."""
    reason: Callable[[str, str, float], str]
    """Of the variable's label, the value as people read it, and the number."""


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _characters(what: str) -> Callable[[str, str, float], str]:
    return lambda label, shown, number: f"{_percent(number)} of the characters of {label} are {what}"


def _frequency(label: str, shown: str, number: float) -> str:
    return f"{label} is {shown}, which {_percent(number)} of the events learnt from have"


def _fraud_rate(label: str, shown: str, number: float) -> str:
    return f"{label} is {shown}, and {_percent(number)} of the events like that were fraud"


DESCRIBED: Mapping[Treatment, Described] = {
    "category": Described("category", lambda label, shown, number: f"{label} is {shown}"),
    "frequency": Described("share of events", _frequency),
    "fraud_rate": Described("share of fraud", _fraud_rate),
    "hour": Described(
        "hour of the day (UTC)",
        lambda label, shown, number: f"{label} is between {int(number):02}:00 and {int(number):02}:59 UTC",
    ),
    "weekday": Described(
        "day of the week (UTC)",
        lambda label, shown, number: f"{label} is on a {WEEKDAYS[int(number)]} (UTC)",
    ),
    "length": Described(
        "number of characters", lambda label, shown, number: f"{label} has {int(number)} characters"
    ),
    "digits": Described("share of digits", _characters("digits")),
    "letters": Described("share of letters", _characters("letters")),
    "others": Described("share of other characters", _characters("neither digits nor letters")),
}


def name_of(variable: str, treatment: Treatment) -> str:
    """Return the name of an input of models."""
    return f"{variable}_{treatment}"


def input_labels(variables: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return all inputs that can be made of variables, each with its type, and what pages call each.

    >>> input_labels([("opened", "timestamp")])
    {'opened_hour': 'Opened: hour of the day (UTC)', 'opened_weekday': 'Opened: day of the week (UTC)'}
    """
    return {
        name_of(name, treatment): f"{label_of(name)}: {DESCRIBED[treatment].label}"
        for name, kind in variables
        for treatment in OF_TYPES[kind]
    }


def shown(value: Any) -> str:
    """Return a value as a reason shows it."""
    text = text_of(value)
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 1] + "…"
