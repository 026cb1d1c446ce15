"""Makes of a program's file what `fraudstream history import` reads: the variables that the model is to learn from, and labels."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType

AUTO, NOT_AT_ALL = "auto", "none"
"""As `fraudstream train --treat` takes them."""

LABEL, TIME = "EVENT_LABEL", "EVENT_TIMESTAMP"
FRAUD, LEGIT = "fraud", "legit"
"""What labels are called in the file that is imported."""

FRAUD_MEANING = "FRAUD"


def prepared(source: Path, target: Path, schema: Mapping[str, Any], event_type: EventType) -> None:
    """Write the file; raises SetupError that says what a program's file lacks.

    Variables that the model is not to learn from are empty in it: what is empty everywhere, no model learns from. Amount and
    entity stay, which every event has.
    """
    wanted = list(schema["modelVariables"])
    with program_file(source, (*wanted, TIME, LABEL)) as rows:
        empty = [pl.lit(None, pl.String).alias(name) for name in left_out(wanted, event_type)]
        label = _label(schema.get("labelSchema") or {})
        rows.with_columns(*empty, label.alias(LABEL)).sink_csv(target)


@contextmanager
def program_file(source: Path, needed: Sequence[str]) -> Iterator[pl.LazyFrame]:
    """Yield a program's CSV file, all of it text, to be read within the block; raises SetupError that says what is wrong with it."""
    try:
        rows = pl.scan_csv(source, infer_schema=False)
        columns = rows.collect_schema().names()
        if lacking := [name for name in needed if name not in columns]:
            raise SetupError(f"the file has no column {', '.join(lacking)}")
        yield rows
    except PolarsError as error:
        raise SetupError(
            f"the file cannot be read as CSV ({str(error).partition(chr(10))[0][:200]})"
        ) from error


def left_out(wanted: Sequence[str], event_type: EventType) -> list[str]:
    """Return the fields of variables that are not to be learnt from."""
    return [each.field for each in event_type.variables if each.field not in wanted]


def treatments(wanted: Sequence[str], event_type: EventType) -> dict[str, str]:
    """Return how text and times are to be learnt from where the event type says otherwise: `auto` if wanted, else not at all."""
    asked = {}
    for each in event_type.variables:
        is_declared = each.name in event_type.treatments
        if each.field not in wanted and is_declared:
            asked[each.name] = NOT_AT_ALL
        elif each.field in wanted and not (
            each.is_number or is_declared or each.name in event_type.identifying
        ):
            asked[each.name] = AUTO
    return asked


def _label(schema: Mapping[str, Any]) -> pl.Expr:
    """Return the label in our words; those that the mapper does not name are none."""
    mapper: Mapping[str, Sequence[str]] = schema.get("labelMapper") or {
        FRAUD_MEANING: [FRAUD],
        "LEGIT": [LEGIT],
    }
    label = pl.col(LABEL)
    said = pl.lit(None, pl.String)
    for meaning, values in mapper.items():
        word = FRAUD if meaning.upper() == FRAUD_MEANING else LEGIT
        said = pl.when(label.is_in(list(values))).then(pl.lit(word)).otherwise(said)
    missing = {"FRAUD": FRAUD, "LEGIT": LEGIT}.get(schema.get("unlabeledEventsTreatment", "IGNORE"))
    return said if missing is None else said.fill_null(missing)
