"""The columns of a written dataset: which there are, what is left out, and what their values look like."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.catalogue import FEATURES
from fraudstream.domain.features.schema import EVENT_TIME
from fraudstream.domain.names import did_you_mean
from fraudstream.offline.columns import LABEL
from fraudstream.offline.dataset import features_of

VALUES_AT_ONCE = 1 << 21
"""Different values that are counted together: of more, some after the other, so that names of many people take little memory."""


class Column(NamedTuple):
    """A column and what it is."""

    name: str
    role: str
    unit: str
    what: str


@dataclass(frozen=True, slots=True)
class Described:
    """A column of a dataset: what it is, and what the values to learn from look like."""

    name: str
    role: str
    """time, feature, variable or label."""
    type: str
    unit: str
    what: str
    missing: float
    """Share of the events that have no value."""
    values: str
    """Smallest and largest, or the most frequent ones."""


def _columns(frame: pl.DataFrame, event_type: EventType) -> Iterator[Column]:
    """Yield each column, the label last."""
    yield Column(EVENT_TIME.name, "time", "UTC", "when it happened")
    variables = event_type.columns
    for name, feature in FEATURES.items():
        takes = feature.formula is not None and event_type.entity is not None
        if takes or name in frame.columns:
            yield Column(name, "feature", feature.column.unit, feature.label)
    for name, label in event_type.declared.items():
        yield Column(name, "feature", "", label)
    for name in variables:
        if name in frame.columns and name not in FEATURES:
            yield Column(name, "variable", "", f"field {name} of the event")
    yield Column(LABEL, "label", "", "whether it turned out to be fraud")


def columns_of(frame: pl.DataFrame, event_type: EventType, left_out: Collection[str]) -> list[Column]:
    """Return the columns that are made of a dataset's, the label last; raises SetupError for one that cannot be left out."""
    columns = list(_columns(frame, event_type))
    names = [each.name for each in columns if each.role in ("feature", "variable")]
    for name in left_out:
        if name not in names:
            raise SetupError(f"the dataset has no variable or feature {name}{did_you_mean(name, names)}")
    return [each for each in columns if each.name not in left_out]


def selected(rows: pl.DataFrame, columns: Sequence[Column]) -> pl.DataFrame:
    """Return the columns of some events, with their features."""
    names = [each.name for each in columns]
    formulas = tuple(name for name in names if name not in rows.columns)
    return features_of(rows, formulas).select(
        pl.col(name).cast(pl.Datetime("ms")).dt.replace_time_zone("UTC")
        if name == EVENT_TIME.name
        else pl.col(name)
        for name in names
    )


def described(learnt: pl.LazyFrame, columns: Sequence[Column]) -> list[Described]:
    """Look at the events to learn from, a column at a time, without reading all at once."""
    schema = learnt.collect_schema()
    rows = int(learnt.select(pl.len()).collect(engine="streaming").item())
    found = []
    for name, role, unit, what in columns:
        missing = learnt.select(pl.col(name).null_count()).collect(engine="streaming").item()
        values = _values(learnt.select(pl.col(name).drop_nulls().alias("value")), rows - missing)
        found.append(Described(name, role, str(schema[name]), unit, what, missing / max(rows, 1), values))
    return found


def _values(known: pl.LazyFrame, rows: int) -> str:
    """Say what the values of a column look like; `rows`: how many there are.

    >>> _values(pl.LazyFrame({"value": ["a", "b", "b"]}), 3), _values(pl.LazyFrame({"value": [3, 1]}), 2)
    ('b 67 %, a 33 %', '1 to 3')
    >>> _values(pl.LazyFrame({"value": [1.0, float("nan")]}), 2), _values(pl.LazyFrame({"value": []}), 0)
    ('1 to nan', 'none')
    """
    if not rows:
        return "none"
    value, dtype = pl.col("value"), known.collect_schema()["value"]
    if dtype in (pl.String, pl.Boolean):
        top = _most_frequent(known, rows)
        return ", ".join(f"{one} {count / rows:.0%}".replace("%", " %") for one, count in top.iter_rows())
    largest = value.max()
    if dtype.is_float():
        largest = pl.when(value.is_nan().any()).then(pl.lit(float("nan"))).otherwise(largest)
    ends = known.select(low=value.min(), high=largest).collect(engine="streaming")
    low, high = ends.row(0)
    return f"{low:g} to {high:g}" if dtype.is_float() else f"{low} to {high}"


def _most_frequent(known: pl.LazyFrame, rows: int) -> pl.DataFrame:
    """Return the three most frequent values and how often they are there; equally frequent ones in their order."""
    parts = 1 + rows // VALUES_AT_ONCE
    found = []
    for part in range(parts):
        some = known.filter(pl.col("value").hash() % parts == part) if parts > 1 else known
        found.append(_first_three(some.group_by("value").agg(count=pl.len())).collect(engine="streaming"))
    return _first_three(pl.concat(found).lazy()).collect()


def _first_three(counted: pl.LazyFrame) -> pl.LazyFrame:
    return counted.sort(["count", "value"], descending=[True, False]).head(3)
