"""Says of a mistake in an event type's file what to write instead, to somebody who sees such a file for the first time."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any, NamedTuple, get_args, get_type_hints

import msgspec

from fraudstream.domain.events.event_type_file import File
from fraudstream.domain.names import did_you_mean

EXAMPLES: Mapping[str, str] = {
    "function": 'function = "count"',
    "window": 'window = "10m"',
    "name": 'name = "payout"',
    "amount": 'a table [amount] with field = "amount" and currency = "USD"',
    "field": 'field = "amount", the name of the field in a record',
    "fields": 'fields = ["time"]',
    "days": "days = 7",
    "when": 'when = "amount > 1000"',
    "outcome": 'outcome = "review"',
    "kind": 'kind = "avro"',
    "of": 'of = "original_id", a variable',
}
"""Keys that must be there."""

WORDS: Mapping[str, str] = {
    "str": "text in quotes",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": 'a list, e.g. ["a", "b"]',
    "object": "a table",
    "datetime": "a moment with its zone, e.g. 2020-01-01T00:00:00Z",
    "date": "a day without a time",
}
"""What TOML can hold, in words."""

TOML_FIXES: tuple[tuple[str, str], ...] = (
    ("Invalid value", 'text needs quotes, e.g. name = "payout"'),
    ("Illegal character", "a quote is not closed in this line"),
    ("Unterminated string", "a quote is not closed"),
    ("Cannot overwrite", "a key is written twice; keep one"),
    ("Cannot declare", "a table is written twice; keep one"),
    ("Expected '='", 'a line is key = value, e.g. name = "payout"'),
    ("Invalid statement", 'a line is key = value, e.g. name = "payout", [table] or # comment'),
    ("Unclosed array", "a list ends with ]"),
    ("Expected newline", "there is more in this line than key = value"),
)
"""What Python says of a text that is not TOML, and what to do."""


class Mistake(NamedTuple):
    """Where something is wrong, as keys below a table, and what."""

    keys: tuple[str, ...]
    why: str


def not_toml(text: str, error: tomllib.TOMLDecodeError) -> tuple[int, str]:
    """Return the line of a text that is not TOML, and what to do about it."""
    said, _, place = str(error).partition(" (at ")
    line = re.match(r"line (\d+)", place)
    fix = next((fix for begin, fix in TOML_FIXES if said.startswith(begin)), "see https://toml.io")
    number = int(line[1]) if line else len(text.splitlines()) or 1
    return number, f"this is not TOML ({said}): {fix}"


def mistake_in(kind: type[msgspec.Struct], error: msgspec.ValidationError) -> Mistake:
    """Say what is wrong in a table of a kind, and in which of its keys."""
    said, _, inner = str(error).partition(" - at `$")
    keys = tuple(re.findall(r"[^.\[\]]+", re.sub(r"\[\d+\]|\[\.\.\.\]", "", inner.rstrip("`"))))
    names = [field.name for field in msgspec.structs.fields(kind)]
    if unknown := re.search(r"unknown field `(.*)`", said):
        return Mistake((*keys, unknown[1]), _no_key(unknown[1], kind, names))
    if missing := re.search(r"missing required field `(.*)`", said):
        return Mistake(keys, f"{missing[1]} is missing: write {EXAMPLES[missing[1]]}")
    if choice := re.fullmatch(r"Invalid enum value '(.*)'", said):
        return Mistake(keys, none_of(choice[1], get_args(get_type_hints(kind)[keys[-1]])))
    if "length >= 1" in said:
        return Mistake(keys, "is empty: write the name, or leave the key out")
    if keys[-1:] == ("rules",):
        return Mistake(keys, "begin each rule with [[rules]], in double brackets")
    if "datetime" in said:
        return Mistake(keys, f"write {WORDS['datetime']}")
    return Mistake(keys, wanted(said))


def none_of(given: str, known: tuple[str, ...]) -> str:
    """Say that a word is not one of those there are."""
    return f"{given!r} is not one of {', '.join(known)}{did_you_mean(given, known)}"


def wanted(said: str) -> str:
    """Put msgspec's sentence on a wrong type into words.

    >>> wanted("Expected `float | null`, got `str`")
    'write a number, not text in quotes'
    """
    found = re.match(r"Expected `([^`]*)`(?:, got `([^`]*)`)?", said)
    if found is None:
        return said
    allowed = [WORDS.get(name, name) for name in found[1].split(" | ") if name != "null"]
    given = WORDS.get(found[2] or "", found[2] or "").partition(",")[0]
    return f"write {' or '.join(allowed)}{f', not {given}' if given else ''}"


def _no_key(key: str, kind: type[msgspec.Struct], names: list[str]) -> str:
    """Say that a table has no such key; a common slip is a key of the file itself below the line of a table."""
    above = [field.name for field in msgspec.structs.fields(File)]
    if kind is not File and key in above:
        return f"{key} belongs to the file, not to this table: write it above the first line in brackets"
    return f"there is no key {key}{did_you_mean(key, names)}; there are {', '.join(names)}"


def default_of(kind: str, given: Any) -> str:
    """Say that a variable's default does not have the variable's type."""
    examples = {
        "string": '"unknown"',
        "integer": "0",
        "float": "0.0",
        "boolean": "false",
        "timestamp": "1577836800000, epoch milliseconds",
    }
    shown = repr(given) if isinstance(given, str) else str(given).lower()
    return f"{shown} is not of the type {kind}: write e.g. default = {examples[kind]}"
