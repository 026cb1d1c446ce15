"""Explains what is wrong with a setting's value, to the user who set it."""

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from fraudstream.domain.names import did_you_mean
from fraudstream.settings.variables import variable

SHOWN_MAX = 80
"""Characters of a wrong value that are repeated."""


def sentence(error: ValidationError, fields: Mapping[str, FieldInfo]) -> str:
    """Return one clause per wrong setting: its variable, what it must be, and what it is."""
    return "; ".join(_clause(wrong["loc"], wrong["msg"], wrong["input"], fields) for wrong in error.errors())


def _clause(place: tuple[int | str, ...], message: str, value: Any, fields: Mapping[str, FieldInfo]) -> str:
    name = str(place[0]) if place else ""
    if name not in fields:
        return f"{'.'.join(map(str, place)) or 'the settings'}: {message}"
    field, given = fields[name], str(value)
    words = _words(field)
    wanted = _number(field) or _boolean(field) or (f"written like {', '.join(words)}" if words else "")
    if get_origin(field.annotation) is Literal:
        wanted = f"one of {', '.join(words)}"
    if not wanted:
        return f"{variable(name)}: {message}"
    if "@" in given:  # perhaps a user and a password in an address
        return f"{variable(name)} must be {wanted}"
    shown = given[:SHOWN_MAX] if given.strip() else "empty"
    return f"{variable(name)} must be {wanted}, not {shown}{did_you_mean(given, words)}"


def _words(field: FieldInfo) -> list[str]:
    """Return the values that a setting may have, or examples of them."""
    if get_origin(field.annotation) is Literal:
        return [str(word) for word in get_args(field.annotation)]
    return [str(word) for word in field.examples or ()]


def _boolean(field: FieldInfo) -> str:
    return "true or false" if field.annotation is bool else ""


def _number(field: FieldInfo) -> str:
    """Describe the numbers a setting takes; empty if it takes none."""
    kinds = {field.annotation, *get_args(field.annotation)}
    if not kinds & {int, float}:
        return ""
    what = "a whole number" if int in kinds else "a number"
    bounds = {
        name: getattr(each, name)
        for each in field.metadata
        for name in ("gt", "ge", "lt", "le")
        if getattr(each, name, None) is not None
    }
    low, high = bounds.get("gt", bounds.get("ge")), bounds.get("lt", bounds.get("le"))
    if low is not None and high is not None:
        return f"{what} between {low} and {high}"
    if low is not None:
        return f"{what} above {low}" if "gt" in bounds else f"{what}, at least {low}"
    return what
