"""Writes a dataset for people: labelled events to learn from and to test with, point in time, with a description of every column.

What it leaves out: the entity and the id of an event, since a model must not learn who somebody is; `scenario`, which only a
simulation knows; events without a label, and those of the warm-up, whose weeks are incomplete. Variables stay as events have them.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from fraudstream.domain.events.event_type import EventType
from fraudstream.offline.dataset import Dataset
from fraudstream.offline.dataset_columns import Column, Described, columns_of, described, selected
from fraudstream.offline.history import dates_of
from fraudstream.offline.train import Split, SplitTimes, range_of
from fraudstream.offline.whole_directory import replacing

PARTS = TRAIN, TEST = "train", "test"

ROWS_OF_A_GROUP = 1 << 18
"""Of a Parquet file: the same rows are the same bytes, however they were written."""


@dataclass(frozen=True)
class DatasetRequest:
    """What a dataset is made of."""

    source: Path
    """A history or an archive."""
    partitions: int
    allowed_lateness_ms: int
    event_type: EventType
    gap_days: int = 0
    """Days before the test that are left out."""
    left_out: Collection[str] = ()
    """Variables and features that are not wanted."""


class Made(NamedTuple):
    """What an engine has written."""

    history: dict[str, Any]
    """What `Dataset.described` says."""
    ranges: Mapping[str, dict[str, Any]]
    """What `range_of` says of the two parts."""
    columns: Sequence[Column]


Engine = Callable[[DatasetRequest, Path], Made]
"""Writes `train.parquet` and `test.parquet` into a directory; raises SetupError."""


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
    columns = columns_of(data.frame, event_type, left_out)
    train, test = (selected(rows, columns) for rows in (split.train, split.test))
    return Frames(train, test, described(train.lazy(), columns))


def in_this_process(asked: DatasetRequest, directory: Path) -> Made:
    """Hold all events in memory."""
    data = learnt_from(asked.source, asked.partitions, asked.allowed_lateness_ms, asked.event_type)
    split = Split.of(data, asked.gap_days)
    columns = columns_of(data.frame, asked.event_type, asked.left_out)
    sides = dict(zip(PARTS, (split.train, split.test), strict=True))
    for name, rows in sides.items():
        write(selected(rows, columns).lazy(), directory / f"{name}.parquet")
    return Made(data.described(), {name: range_of(rows) for name, rows in sides.items()}, columns)


def write(rows: pl.LazyFrame, file: Path) -> None:
    """Write a part of a dataset."""
    rows.sink_parquet(file, compression="zstd", row_group_size=ROWS_OF_A_GROUP)


def written(directory: Path, asked: DatasetRequest, engine: Engine = in_this_process) -> dict[str, Any]:
    """Write `train.parquet`, `test.parquet`, `columns.json`, `README.md` and `manifest.json`, all or none; return the manifest.

    The test begins at the later 30 % of the time; what is learnt from ends some days before if that is asked for, so that its
    labels have had time to become known. Raises SetupError if there is no such column or one side has no fraud, OSError if it
    cannot be written.
    """
    with replacing(directory) as draft:
        made = engine(asked, draft)
        parts = {}
        for name in PARTS:
            file = draft / f"{name}.parquet"
            with file.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
            parts[name] = {"file": file.name, **made.ranges[name], "sha256": digest}
        columns = described(pl.scan_parquet(draft / "train.parquet", glob=False), made.columns)
        (draft / "columns.json").write_text(json.dumps([asdict(each) for each in columns], indent=2) + "\n")
        manifest = {
            "event_type": asked.event_type.name,
            "history": made.history,
            "warm_up_days": SplitTimes.of(dates_of(asked.source)).warm_up_days,
            "gap_days": asked.gap_days,
            **parts,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        (draft / "README.md").write_text(_readme(manifest, columns))
        (draft / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest


def _readme(manifest: Mapping[str, Any], described: Sequence[Described]) -> str:
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
