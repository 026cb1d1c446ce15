"""Which columns a raw file must have for an event type, and which the made files have."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import polars as pl

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.names import did_you_mean
from fraudstream.offline.column_names import METADATA, Columns, Names, columns_of
from fraudstream.offline.columns import AMOUNT, IDS, LABEL, NUMBER, TIME, TOKEN
from fraudstream.offline.infer_cells import check_names

FRAUD, LEGIT = "fraud", "legit"
"""The two values of EVENT_LABEL."""

ENTITY_TYPE = "ENTITY_TYPE"

SCENARIO = "scenario"
"""The kind of fraud, which histories may have. It tells the label, so no model may learn from it."""

WITHOUT_FRACTION, WITH_FRACTION = "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%.3fZ"


def checked_columns(
    columns: Sequence[str], told: Names, path: Path, event_type: EventType, absent: Collection[str]
) -> Columns:
    """Map a file's columns to ours; raises SetupError that names each declared one that is missing, and one alike."""
    check_names(columns, path)
    every = columns_of(columns, told, path, event_type)
    names = {ours: theirs for ours, theirs in every.names.items() if ours != SCENARIO}
    left_out = tuple(name for name in columns if name not in names.values())
    found = Columns(names, tuple(ours for ours in every.guessed if ours in names), left_out)
    missing = [
        (ours, theirs, what)
        for ours, theirs, what in _declared(event_type)
        if ours not in found.names and ours not in absent
    ]
    if not missing:
        return found
    said = [f"{theirs} ({what}{did_you_mean(theirs, found.left_out)})" for _, theirs, what in missing]
    first = missing[0][0]
    raise SetupError(
        f"{path} has no column {', '.join(said)}; name it with --column {first}=NAME, or say that there is none "
        f"with --absent {first}; the file has {', '.join(filter(None, columns))}"
    )


def check_absent(absent: Collection[str], event_type: EventType) -> None:
    """Raise SetupError for a column that the event type does not declare, or that cannot be absent."""
    known = [ours for ours, _, _ in _declared(event_type) if ours != LABEL]
    for name in absent:
        if name not in known:
            raise SetupError(
                f"--absent {name}: the event type {event_type.name} has no such column that may be absent"
                f"{did_you_mean(name, known)}; it has {', '.join(known)}"
            )


def _declared(event_type: EventType) -> Iterator[tuple[str, str, str]]:
    """Yield what an event type declares beside entity, amount and time: our name, the file's, and what it is."""
    if event_type.id:
        yield IDS[0], event_type.id, "the id"
    for variable in event_type.variables:
        yield variable.name, variable.field, "a variable"
    yield LABEL, event_type.label.field if event_type.label else LABEL, "the label"


def made_columns(event_type: EventType, known: Collection[str]) -> list[pl.Expr]:
    """Return the columns of the made files: the amount, variables in the event type's order, metadata last."""
    time, entity = pl.col(TIME), event_type.entity
    moment = pl.from_epoch(time, "ms")
    written = (
        pl.when(time % 1000 == 0)
        .then(moment.dt.strftime(WITHOUT_FRACTION))
        .otherwise(moment.dt.strftime(WITH_FRACTION))
    )
    fraud = pl.when(pl.col(LABEL)).then(pl.lit(FRAUD)).when(~pl.col(LABEL)).then(pl.lit(LEGIT))
    return [
        pl.col(AMOUNT),
        *(pl.col(name) for name in event_type.columns),
        *([pl.col(IDS[0]).alias(METADATA[IDS[0]])] if IDS[0] in known else []),
        *([pl.coalesce(NUMBER, TOKEN).alias(METADATA[NUMBER])] if entity else []),
        *([pl.lit(event_type.entity_word).alias(ENTITY_TYPE)] if entity else []),
        written.alias(METADATA[TIME]),
        fraud.alias(METADATA[LABEL]),
    ]
