"""Recognises in a CSV file what an event type declares: entity, id, time, amount, label, and a type for every other column."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import get_args

from fraudstream.domain.errors import InvalidTransaction, SetupError
from fraudstream.domain.events.currencies import DECIMALS
from fraudstream.domain.names import NAME_PATTERN, validate_name
from fraudstream.domain.tokens import READ, EntityKind
from fraudstream.offline.column_names import COMMON, LIKELY, plain_name
from fraudstream.offline.columns import AMOUNT, FALSE, IDS, LABEL, NUMBER, TIME, TRUE
from fraudstream.offline.csv_rows import csv_rows, header_of, open_csv
from fraudstream.offline.infer_cells import Cells, check_names, moment
from fraudstream.offline.written_times import END_S, FIRST_S

ROWS_READ = 10_000

ENTITIES = (*LIKELY[NUMBER], "customer", "user", "client", "payer", "entity")
ENTITY_ENDS = {*ENTITIES, "id", "number", "num", "no", "token", "hash", "ref"}
"""How the name of an entity's column ends: `account_id` is one, `account_age` is none."""
EVENT_IDS = ("id", "event_id", "payment_id", "uuid")
LABELS = ("class", "label", "event_label", "target", "chargeback", "is_chargeback", "fraudulent")
BESIDE_EVENTS = ("ENTITY_TYPE", "LABEL_TIMESTAMP")
"""Columns of Amazon Fraud Detector's files that are no variables: events do not have them, and one says when the label was known."""
FREE_ENTITY = "ENTITY_ID"
"""Of Fraud Detector's files: programs may send any text for it, whatever these rows have."""
LABEL_VALUES_MAX = 10
CENTS = {"cents", "cent", "minor"}


@dataclass(frozen=True, slots=True)
class Found:
    """A column that was recognised; `note` says what was guessed, and is empty if it can mean nothing else."""

    cells: Cells
    note: str = ""


@dataclass(frozen=True, slots=True)
class Inferred:
    """What was recognised in a file."""

    name: str
    file: str
    rows: int
    entity: Found | None
    id: Found | None
    time: Found | None
    amount: Found | None
    currency: Found | None
    label: Found | None
    others: Sequence[Cells]
    beside: Sequence[str]
    """Names of columns that are said of an event and are not part of it."""
    has_nameless: bool
    """Whether a column has no name; more than one are refused as repeated names."""


def inferred(path: Path, name: str | None, encoding: str, delimiter: str) -> Inferred:
    """Recognise the columns of a CSV file by its header and first rows; raises SetupError if it cannot be read."""
    name = validate_name("event type", name) if name is not None else _name_of(path)
    header, rows = _first_rows(path, encoding, delimiter)
    columns = [
        Cells(column, [cell for row in rows if (cell := row[place].strip())])
        for place, column in enumerate(header)
    ]
    beside = [name for name in BESIDE_EVENTS if name in header]
    free = [cells for cells in columns if cells.name and cells.name not in beside]
    entity = _taken(free, _entity(free))
    amount = _taken(free, _amount(free))
    currency = _taken(free, _currency(free)) if amount else None
    label = _taken(free, _label(free))
    event_id = _taken(free, _id(free, name))
    time = _taken(free, _time(free))
    return Inferred(
        name,
        path.name,
        len(rows),
        entity,
        event_id,
        time,
        amount,
        currency,
        label,
        free,
        beside,
        "" in header,
    )


def _name_of(path: Path) -> str:
    """Return the name of an event type that a file's name suggests."""
    plain = re.sub(r"[^a-z0-9_-]+", "-", path.stem.lower()).strip("-")[:64]
    return plain if re.fullmatch(NAME_PATTERN, plain) else "event"


def _first_rows(path: Path, encoding: str, delimiter: str) -> tuple[list[str], list[Sequence[str]]]:
    """Return the header and the first rows that fit it."""
    with open_csv(path, encoding) as text:
        lines = csv_rows(text, path, encoding, delimiter)
        header = header_of(lines, path)
        check_names(header, path)
        whole = (row.cells for row in lines if not row.fault and len(row.cells) == len(header))
        rows = list(islice(whole, ROWS_READ))
    if not rows:
        raise SetupError(
            f"no row of {path} fits its first line, which should name the columns, so nothing can be recognised; "
            "set the character between cells with --delimiter"
        )
    return header, rows


def _taken(free: list[Cells], found: Found | None) -> Found | None:
    """Return what was found, and take its column out of those that are free."""
    if found is not None:
        free.remove(found.cells)
    return found


def _by_name(free: Iterable[Cells], known: Sequence[str]) -> Iterator[Cells]:
    """Yield the columns that have one of some names, in the order of these."""
    plain = {plain_name(cells.name): cells for cells in free}
    yield from (plain[name] for name in dict.fromkeys(map(plain_name, known)) if name in plain)


def _by_word(free: Iterable[Cells], parts: Sequence[str]) -> list[Cells]:
    """Return the columns with one of some words in their name, in the order of these."""
    found = [cells for part in parts for cells in free if any(_is_part(part, word) for word in cells.words)]
    return list({cells.name: cells for cells in found}.values())


def _is_part(part: str, word: str) -> bool:
    """Tell whether a part makes a word; short ones have to be the whole of it: `pan` is not in `company`.

    >>> _is_part("time", "datetime"), _is_part("pan", "company")
    (True, False)
    """
    return part == word or (len(part) > 3 and part in word)


def _entity(free: Sequence[Cells]) -> Found | None:
    sure = next(_by_name(free, (NUMBER, *COMMON[NUMBER])), None)
    likely = [
        cells
        for cells in _by_word(free, ENTITIES)
        if cells.words[-1] in ENTITY_ENDS and cells.type in ("string", "integer")
    ]
    cells = sure or next(iter(likely), None)
    if cells is None:
        return None
    note = "" if sure else f"guessed by its name{_or(likely[1:])}"
    return Found(cells, note)


def entity_kind(cells: Cells) -> tuple[EntityKind, str]:
    """Return the strictest kind that all values have, and a note if only some have a stricter one."""
    fit = {kind: sum(_fits(kind, value) for value in cells.values) for kind in get_args(EntityKind)}
    kind = next(kind for kind, number in fit.items() if number == len(cells.values) > 0 or kind == "text")
    if cells.name == FREE_ENTITY and kind == "account-number":
        kind = "text"
    cards = fit["card-number"]
    if kind == "card-number" or not cards:
        return kind, ""
    return kind, (
        f'of {len(cells.values):,} values {cards:,} may be card numbers; with "card-number" the others become dead letters'
    )


def _fits(kind: EntityKind, value: str) -> bool:
    try:
        READ[kind](value)
    except InvalidTransaction:
        return False
    return True


def _amount(free: Sequence[Cells]) -> Found | None:
    sure = [cells for cells in _by_name(free, (AMOUNT, *COMMON[AMOUNT])) if cells.is_number]
    likely = [cells for cells in _by_word(free, LIKELY[AMOUNT]) if cells.is_number and cells not in sure]
    found = [*sure, *likely]
    if not found:
        return None
    return Found(found[0], _joined("" if sure else "guessed by its name", _or(found[1:]).lstrip(", ")))


def in_minor_units(amount: Cells) -> bool:
    """Tell whether an amount seems to be counted in cents."""
    return amount.type == "integer" and bool(CENTS.intersection(amount.words))


def _currency(free: Sequence[Cells]) -> Found | None:
    likely = [
        cells
        for cells in _by_word(free, ("currency", "ccy"))
        if cells.values and all(value in DECIMALS for value in set(cells.values))
    ]
    return Found(likely[0], "guessed by name and values") if likely else None


def _label(free: Sequence[Cells]) -> Found | None:
    few = [
        cells for cells in free if 0 < len(set(cells.values)) <= LABEL_VALUES_MAX and cells.type != "float"
    ]
    sure = next(_by_name(few, (LABEL, *COMMON[LABEL])), None)
    likely = [*_by_name(few, LABELS), *_by_word(few, ("fraud",))]
    cells = sure or next(iter(likely), None)
    if cells is None:
        return None
    unread = [value for value in cells.distinct if value.lower() not in (*TRUE, *FALSE)]
    note = "" if sure else "guessed by name and values"
    if unread:
        note = _joined(note, "say which of its values mean fraud: fraud = [...]")
    return Found(cells, note)


def _id(free: Sequence[Cells], name: str) -> Found | None:
    """Ids that are wrong cost decisions, so only names that say it, and values that differ, are taken."""
    for known, note in ((COMMON[IDS[0]], ""), ((*EVENT_IDS, f"{name}_id"), "guessed by its name")):
        for cells in _by_name(free, known):
            if len(set(cells.values)) == len(cells.values) > 0:
                return Found(cells, note)
    return None


def _time(free: Sequence[Cells]) -> Found | None:
    sure = list(_by_name(free, COMMON[TIME]))
    likely = [*sure, *(cells for cells in _by_word(free, LIKELY[TIME]) if cells not in sure)]
    moments = [cells for cells in likely if is_event_time(cells)]
    if moments:
        cells, others = moments[0], moments[1:]
        return Found(cells, _joined("" if cells in sure else "guessed by its name", _or(others).lstrip(", ")))
    counted = [cells for cells in likely if cells.is_number and not cells.counts_rows]
    return Found(counted[0], "guessed by its name") if counted else None


def is_event_time(cells: Cells) -> bool:
    """Tell whether a column holds moments between 2000 and 2100: text in ISO 8601, or epoch numbers."""
    if cells.is_number:
        return cells.unit is not None
    moments = [moment(value) for value in cells.values]
    return bool(moments) and all(
        moment is not None and FIRST_S <= moment / 1000 < END_S for moment in moments
    )


def _or(others: Sequence[Cells]) -> str:
    """Say which other columns it may be."""
    return f", may also be {' or '.join(repr(cells.name) for cells in others)}" if others else ""


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)
