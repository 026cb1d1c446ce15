"""Writes what was recognised in a CSV file as the declaration of an event type, with a comment on every guess."""

import json
import re
from collections.abc import Iterator, Sequence

from fraudstream.domain.events.event_type import UNIT_NAMES
from fraudstream.domain.events.event_type_file import VARIABLE_NAME
from fraudstream.domain.features.catalogue import FEATURE_SETS, FEATURES
from fraudstream.domain.features.schema import NAMES
from fraudstream.offline.column_names import COMMON, plain_name
from fraudstream.offline.columns import FALSE, TRUE
from fraudstream.offline.infer_cells import Cells
from fraudstream.offline.infer_columns import Found, Inferred, entity_kind, in_minor_units

NAMES_OF_PLACES = frozenset(plain_name(name) for name in (*COMMON["merchant"], *COMMON["zip_code"]))
"""Columns that are text even if all values are digits."""

RULES = """

# Rules are SQL over a decision's columns and the variables; the strictest outcome wins, and no match means approve.
[[rules]]
name = "very-likely-fraud"
when = "probability > 0.8"
outcome = "block"

[[rules]]
name = "likely-fraud"
when = "probability > fraud_threshold"
outcome = "review"
"""

GUESSED_ORIGIN = "2020-01-01T00:00:00Z"


def toml_of(found: Inferred) -> str:
    """Return a declaration; it is valid if an amount was recognised."""
    variables = list(_named(found.others))
    parts = [
        *_head(found, variables),
        *_entity(found.entity),
        *_time(found.time),
        *_amount(found.amount, found.currency),
        *_label(found.label),
        *_variables(variables),
    ]
    return "\n".join(parts) + RULES


def _head(found: Inferred, variables: Sequence[tuple[str, Cells]]) -> Iterator[str]:
    rows = f"{found.rows:,} row{'' if found.rows == 1 else 's'}"
    yield f"# Drafted from {quoted(found.file)}, its header and first {rows}. docs/event-types.md explains every key;"
    yield "# fraudstream event-types check FILE checks it."
    if found.has_nameless:
        yield "# The column without a name is left out."
    if found.beside:
        yield f"# {', '.join(found.beside)}: of Amazon Fraud Detector's files, no variables of an event."
    yield f"name = {quoted(found.name)}"
    if found.id:
        yield _line("id", quoted(found.id.cells.name), found.id.note)
    else:
        yield '# id = "..."  # no column looks like it; without one, an event that is sent twice is decided twice'
    unfit = [name for name, cells in variables if _tells_only_when(cells)]
    if unfit:
        own = FEATURE_SETS["card"] if found.entity else ("amount",)
        numbers = [name for name, cells in variables if _is_number(cells) and name not in unfit]
        listed = ", ".join(map(quoted, [*own, *numbers]))
        yield f"# Without {', '.join(unfit)}: a number that only grows with time tells a model nothing of later events."
        yield f"features = [{listed}]"


def _entity(entity: Found | None) -> Iterator[str]:
    yield ""
    if entity is None:
        yield "# [entity]  # no column looks like the card or account; without one, events have no windows and weekly aggregates"
        yield '# field = "..."'
        yield '# kind = "text"'
        return
    cells = entity.cells
    yield "[entity]"
    yield _line("field", quoted(cells.name), entity.note)
    kind, why = entity_kind(cells)
    yield _line("kind", quoted(kind), why)


def _time(time: Found | None) -> Iterator[str]:
    yield ""
    if time is None:
        yield "# [time]  # no column looks like one; without it, an event's time is Kafka's timestamp"
        yield '# fields = ["..."]'
        return
    yield "[time]"
    yield _line("fields", f"[{quoted(time.cells.name)}]", time.note)
    if not time.cells.is_number:
        return
    unit = time.cells.unit
    yield _line("unit", quoted(unit or "s"), "" if unit else "guessed: see origin")
    if unit is None:
        yield _line(
            "origin",
            GUESSED_ORIGIN,
            f"guessed: the numbers are no {UNIT_NAMES['s']} since 1970; write the moment that they count from",
        )


def _amount(amount: Found | None, currency: Found | None) -> Iterator[str]:
    yield ""
    if amount is None:
        yield "# [amount]  # no column looks like one, and an event type needs one"
        yield '# field = "..."'
        yield '# currency = "USD"'
        return
    cells = amount.cells
    yield "[amount]"
    yield _line("field", quoted(cells.name), amount.note)
    if in_minor_units(cells):
        yield _line("form", '"minor-units"', "guessed by its name: 1250 is 12.50")
    if currency:
        codes = ", ".join(map(quoted, currency.cells.distinct))
        yield _line("currency_field", quoted(currency.cells.name), currency.note)
        yield _line("currencies", f"[{codes}]", "those of the rows read: add the others")
    else:
        yield _line("currency", '"USD"', "guessed: write yours")
    if any(value.startswith("-") for value in cells.values):
        yield _line("refunds", '"decide"', 'there are amounts below zero; "refuse" makes them dead letters')


def _label(label: Found | None) -> Iterator[str]:
    yield ""
    if label is None:
        yield "# [label]  # no column looks like one; histories need it to train a model"
        yield '# field = "..."'
        return
    yield "[label]"
    yield _line("field", quoted(label.cells.name), label.note)
    own = [value for value in label.cells.distinct if value.lower() not in (*TRUE, *FALSE)]
    if own:
        yield '# fraud = ["..."]'


def _variables(variables: Sequence[tuple[str, Cells]]) -> Iterator[str]:
    if variables:
        yield ""
        yield "[variables]"
    for name, cells in variables:
        kind = _type(cells)
        declared = f'"{kind}"'
        if name != cells.name:
            declared = (
                f"{{ {'' if kind == 'string' else f'type = {declared}, '}field = {quoted(cells.name)} }}"
            )
        yield _line(name, declared, _note(cells))


def _note(cells: Cells) -> str:
    if not cells.values:
        return "guessed: blank in all rows read"
    if cells.counts_rows:
        return "counts the rows: leave it out"
    return "looks like a time" if _tells_only_when(cells) else ""


def _type(cells: Cells) -> str:
    return "string" if plain_name(cells.name) in NAMES_OF_PLACES else cells.type


def _is_number(cells: Cells) -> bool:
    return _type(cells) in ("integer", "float", "boolean")


def _tells_only_when(cells: Cells) -> bool:
    """Tell whether a number grows with time, so that a model would learn the date."""
    return _type(cells) in ("integer", "float") and (cells.counts_rows or cells.unit is not None)


def _named(others: Sequence[Cells]) -> Iterator[tuple[str, Cells]]:
    """Yield the columns with the names of their variables: their own if rules can use it and a decision has no such column."""
    taken: set[str] = set()
    for cells in others:
        name = re.sub(r"[^A-Za-z0-9_]", "_", cells.name)[:60]
        if name in NAMES or name in FEATURES or not VARIABLE_NAME.fullmatch(name):
            name = f"own_{name}"
        number = 1
        while name in taken:
            number += 1
            name = f"{name[:60]}_{number}"
        taken.add(name)
        yield name, cells


def _line(key: str, value: str, note: str) -> str:
    """Return a line; a note holds names of a file, and ends nowhere else than the line."""
    return f"{key} = {value}{f'  # {_printable(note)}' if note else ''}"


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def quoted(text: str) -> str:
    """Return a text as TOML writes it: JSON's escapes, and one for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
