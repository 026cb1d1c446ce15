"""Writes a dataset for people: labelled events to learn from and to test with, point in time, with a description of every column.

What it leaves out: the entity and the id of an event, since a model must not learn who somebody is; `scenario`, which only a
simulation knows; events without a label, and those of the warm-up, whose weeks are incomplete. Variables stay as events have them.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from fraudstream.adapters.files import sha256_of
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.catalogue import FEATURES
from fraudstream.domain.features.schema import EVENT_TIME
from fraudstream.domain.names import did_you_mean
from fraudstream.offline.columns import LABEL
from fraudstream.offline.dataset import Dataset, features_of
from fraudstream.offline.history import dates_of
from fraudstream.offline.train import Split, SplitTimes, range_of
from fraudstream.offline.whole_directory import replacing

PARTS = ("train", "test")


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


class Frames(NamedTuple):
    """A dataset as frames."""

    train: pl.DataFrame
    test: pl.DataFrame
    described: list[Described]


def learnt_from(source: Path, partitions: int, allowed_lateness_ms: int, event_type: EventType) -> Dataset:
    """Read a history or an archive; labels are those that were known when the test begins. Raises SetupError if there is none."""
    cut_ms = SplitTimes.of(dates_of(source)).cut_ms
    return Dataset.of_history(source, partitions, allowed_lateness_ms, event_type, cut_ms)


def frames(data: Dataset, event_type: EventType, gap_days: int = 0, left_out: Collection[str] = ()) -> Frames:
    """Return what `written` writes; raises SetupError as it does."""
    split = Split.of(data, gap_days)
    columns = _wanted(list(_columns(data.frame, event_type)), left_out)
    train, test = (_selected(rows, columns) for rows in (split.train, split.test))
    return Frames(train, test, _described(train.lazy(), columns))


def written(
    directory: Path, data: Dataset, event_type: EventType, gap_days: int = 0, left_out: Collection[str] = ()
) -> dict[str, Any]:
    """Write `train.parquet`, `test.parquet`, `columns.json`, `README.md` and `manifest.json`, all or none; return the manifest.

    The test begins at the later 30 % of the time; what is learnt from ends `gap_days` before, so that its labels have had time
    to become known. `left_out`: variables and features that are not wanted. Raises SetupError if there is no such column or one
    side has no fraud, OSError if it cannot be written.
    """
    split = Split.of(data, gap_days)
    columns = _wanted(list(_columns(data.frame, event_type)), left_out)
    with replacing(directory) as draft:
        parts = {}
        for name, rows in zip(PARTS, (split.train, split.test), strict=True):
            file = draft / f"{name}.parquet"
            _selected(rows, columns).write_parquet(file, compression="zstd")
            parts[name] = {"file": file.name, **range_of(rows), "sha256": sha256_of(file.read_bytes())}
        described = _described(pl.scan_parquet(draft / "train.parquet"), columns)
        (draft / "columns.json").write_text(json.dumps([asdict(each) for each in described], indent=2) + "\n")
        manifest = {
            "event_type": event_type.name,
            "history": data.described(),
            "warm_up_days": split.warm_up_days,
            "gap_days": gap_days,
            **parts,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        (draft / "README.md").write_text(_readme(manifest, described))
        (draft / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest


def _columns(frame: pl.DataFrame, event_type: EventType) -> Iterator[tuple[str, str, str, str]]:
    """Yield name, role, unit and meaning of each column, the label last."""
    yield EVENT_TIME.name, "time", "UTC", "when it happened"
    variables = event_type.columns
    for name, feature in FEATURES.items():
        takes = feature.formula is not None and event_type.entity is not None
        if takes or name in frame.columns:
            yield name, "feature", feature.column.unit, feature.label
    for name, label in event_type.declared.items():
        yield name, "feature", "", label
    for name in variables:
        if name in frame.columns and name not in FEATURES:
            yield name, "variable", "", f"field {name} of the event"
    yield LABEL, "label", "", "whether it turned out to be fraud"


def _wanted(
    columns: list[tuple[str, str, str, str]], left_out: Collection[str]
) -> list[tuple[str, str, str, str]]:
    """Leave columns out; raises SetupError for one that cannot be."""
    names = [name for name, role, *_ in columns if role in ("feature", "variable")]
    for name in left_out:
        if name not in names:
            raise SetupError(f"the dataset has no variable or feature {name}{did_you_mean(name, names)}")
    return [column for column in columns if column[0] not in left_out]


def _selected(rows: pl.DataFrame, columns: list[tuple[str, str, str, str]]) -> pl.DataFrame:
    """Return the columns of some events, with their features."""
    names = [name for name, *_ in columns]
    formulas = tuple(name for name in names if name not in rows.columns)
    return features_of(rows, formulas).select(
        pl.col(name).cast(pl.Datetime("ms")).dt.replace_time_zone("UTC")
        if name == EVENT_TIME.name
        else pl.col(name)
        for name in names
    )


def _described(learnt: pl.LazyFrame, columns: list[tuple[str, str, str, str]]) -> list[Described]:
    """Look at the events to learn from, a column at a time."""
    schema = learnt.collect_schema()
    found = []
    for name, role, unit, what in columns:
        values = learnt.select(name).collect().to_series()
        missing = values.null_count() / max(len(values), 1)
        found.append(Described(name, role, str(schema[name]), unit, what, missing, _values(values)))
    return found


def _values(values: pl.Series) -> str:
    """Say what values look like.

    >>> _values(pl.Series(["a", "b", "b"])), _values(pl.Series([3, 1])), _values(pl.Series([None], dtype=pl.Int64))
    ('b 67 %, a 33 %', '1 to 3', 'none')
    """
    known = values.drop_nulls()
    if not len(known):
        return "none"
    if known.dtype in (pl.String, pl.Boolean):
        top = (
            known.value_counts(sort=True, name="count")
            .sort(["count", known.name], descending=[True, False])
            .head(3)
        )
        return ", ".join(
            f"{value} {count / len(known):.0%}".replace("%", " %") for value, count in top.iter_rows()
        )
    low, high = (end.item() for end in (known.sort().head(1), known.sort().tail(1)))
    return f"{low:g} to {high:g}" if known.dtype.is_float() else f"{low} to {high}"


def _readme(manifest: Mapping[str, Any], described: list[Described]) -> str:
    """Return the description as Markdown."""
    parts = [
        f"- `{manifest[name]['file']}`: {manifest[name]['rows']:,} events with {manifest[name]['fraud']:,} frauds, "
        f"{manifest[name]['first']} to {manifest[name]['last']}"
        for name in PARTS
    ]
    rows = [
        f"| `{each.name}` | {each.role} | {each.type} | {each.unit} | {each.what} | {each.missing:.1%} | {each.values.replace('|', '/')} |"
        for each in described
    ]
    return "\n".join(
        [
            f"# Dataset of event type {manifest['event_type']}",
            "",
            "Every value is what was known at the event; labels of `train.parquet` are those that were known when the test begins.",
            "",
            *parts,
            "",
            "| column | role | type | unit | what it is | missing | values to learn from |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )
