"""The history of payments on disk: which days there are, and one way to read them.

A directory a day (`date=YYYY-MM-DD/*.parquet`), rows in the order they arrived. Simulated payments carry the card
number (`cc_num`) and `tid`, archived ones its token (`card`) and `transaction_id`; one directory may hold both.
"""

from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.labels import LABEL_KNOWN_AT, newest
from fraudstream.domain.tokens import partition_of
from fraudstream.offline.columns import IDS, KINDS, NUMBER, TOKEN, Kinds, kinds_of
from fraudstream.offline.opening import IMPORT, opened

LABELS = "labels"
"""Folder of an archive with its labels; a simulated history may have one, too."""
LABEL_COLUMNS = ("is_fraud", "scenario", LABEL_KNOWN_AT)
LABELLED = "labelled_id"
"""The id of a payment as labels have it."""
PARTITION, OFFSET = PLACE = ("source_partition", "decision_offset")
"""Of archived payments: the partition, and the order in which they were decided."""
NO_KINDS: Kinds = {}


def dates_of(directory: Path) -> list[date]:
    """Return the days a history has, oldest first; raises SetupError if it has none."""
    days = []
    for folder in sorted(directory.glob("date=*")):
        try:
            day = date.fromisoformat(folder.name.removeprefix("date="))
        except ValueError:
            raise SetupError(
                f"{folder} must be named date=YYYY-MM-DD, like every folder of a history; {IMPORT}"
            ) from None
        if any(folder.glob("*.parquet")):
            days.append(day)
    if days:
        return days
    others = sum(path.is_file() for ending in ("*.parquet", "*.csv") for path in directory.rglob(ending))
    if others:
        raise SetupError(
            f"{directory} is not a history: it holds {others:,} files of payments, but no date=YYYY-MM-DD/*.parquet; {IMPORT}"
        )
    raise SetupError(f"no payments in {directory}; make some with: fraudstream generate")


def files_of(directory: Path, first: date, end: date) -> list[Path]:
    """Return the files of the days first <= day < end, in order of arrival."""
    days = [day for day in dates_of(directory) if first <= day < end]
    return [path for day in days for path in sorted((directory / f"date={day}").glob("*.parquet"))]


def read_payments(
    directory: Path,
    columns: tuple[str, ...],
    partitions: int,
    event_type: EventType | None = None,
    labels_cut_ms: int | None = None,
) -> pl.DataFrame:
    """Return all payments in the order they arrived: these columns, and the three below.

    Archived payments before `labels_cut_ms` have the labels that were known then, later ones those known now.

    `card_code` is a small integer per card, `id_hash` 64 bits of the transaction id, `partition` where the worker decided the
    payment, or would with `partitions`. Columns that a file lacks are null in its rows. A card that is there by number
    and by token counts as two. Variables have the types of `event_type`; if it has no entity, `card_code` and `partition`
    are left out.
    """
    dates = dates_of(directory)
    files = files_of(directory, dates[0], date.max)
    frame = read_in_order(files, columns, event_type)
    if "is_fraud" in columns and (found := label_files(directory, frame.columns)):
        labels = pl.read_parquet(found, hive_partitioning=False)
        frame = with_labels(with_labelled_id(frame), labels, labels_cut_ms)
    return identified(frame, columns, partitions, event_type)


def read_in_order(
    files: Sequence[Path],
    columns: tuple[str, ...],
    event_type: EventType | None,
    own: Kinds = NO_KINDS,
    only: pl.Expr | None = None,
) -> pl.DataFrame:
    """Return the payments of files in the order they arrived: these columns, and those that identify them.

    `own` says what columns hold that are not those of every history, `only` which payments are wanted.
    """
    kinds = KINDS if event_type is None else kinds_of(event_type)
    payments = opened(files, stored_columns(columns, event_type), {**own, **kinds})
    frame = (payments if only is None else payments.filter(only)).collect()
    if OFFSET in frame.columns:  # a payment that arrived after midnight may lie in the day before
        frame = frame.sort(OFFSET, nulls_last=False, maintain_order=True)
    return frame


def stored_columns(columns: tuple[str, ...], event_type: EventType | None) -> tuple[str, ...]:
    """Return what is read of files: these columns, and those that identify payments."""
    has_entity = event_type is None or event_type.entity is not None
    return tuple(dict.fromkeys((*((NUMBER, TOKEN) if has_entity else ()), *IDS, *PLACE, *columns)))


def identified(
    frame: pl.DataFrame, columns: tuple[str, ...], partitions: int, event_type: EventType | None
) -> pl.DataFrame:
    """Return columns of payments as `read_in_order` gives them, with `card_code`, `id_hash` and `partition` as below."""
    has_entity = event_type is None or event_type.entity is not None
    ids = [name for name in IDS if name in frame.columns]
    identity = _together(frame, ids)
    if event_type is not None and event_type.reversal is not None:
        identity = identity.cast(pl.String)  # reversals name ids as text
    identified = frame.select(
        *(name for name in columns if name in frame.columns),
        id_hash=identity.hash() if ids else pl.Series(np.arange(frame.height, dtype=np.uint64)),
    )
    if not has_entity:
        return identified
    card = entity_of(frame)
    cards = card.unique().sort()
    code = card.replace_strict(cards, pl.Series(np.arange(len(cards))), return_dtype=pl.Int64)
    return identified.with_columns(
        card_code=code, partition=_partitions(frame, cards.to_list(), code, partitions)
    )


def entity_of(frame: pl.DataFrame) -> pl.Series:
    """Return what tells the entities of payments from each other."""
    return _together(frame, [name for name in (NUMBER, TOKEN) if name in frame.columns])


def label_files(directory: Path, columns: Collection[str]) -> list[Path]:
    """Return the files with the labels of a history that has these columns; without ids none belongs to a payment."""
    return sorted((directory / LABELS).glob("date=*/*.parquet")) if set(IDS) & set(columns) else []


def with_labelled_id(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the id of each payment as labels have it."""
    ids = [name for name in IDS if name in frame.columns]
    return frame.with_columns(_together(frame, ids).cast(pl.String).alias(LABELLED))


def with_labels(frame: pl.DataFrame, labels: pl.DataFrame, cut_ms: int | None) -> pl.DataFrame:
    """Add labels to payments with their ids, those before `cut_ms` as they were known then; without one it is null."""
    if cut_ms is None:
        return _joined(frame, newest(labels))
    now, then = (_joined(frame, newest(labels, until_ms)) for until_ms in (None, cut_ms))
    return now.with_columns(
        pl.when(pl.col("event_time") < cut_ms).then(then[name]).otherwise(name).alias(name)
        for name in LABEL_COLUMNS
    )


def _joined(frame: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """Add a label to each payment that has none of its own."""
    labels = labels.rename({"transaction_id": LABELLED})
    joined = frame.join(labels, on=LABELLED, how="left", maintain_order="left", suffix="_labelled")
    both = [name for name in LABEL_COLUMNS if f"{name}_labelled" in joined.columns]
    return joined.with_columns(pl.coalesce(name, f"{name}_labelled") for name in both)


def _together(frame: pl.DataFrame, names: list[str]) -> pl.Series:
    """Return one column of two names for the same thing."""
    if len(names) < 2:
        return frame[names[0]] if names else pl.Series()
    return frame.select(pl.coalesce(pl.col(name).cast(pl.String) for name in names)).to_series()


def _partitions(frame: pl.DataFrame, cards: list[Any], code: pl.Series, partitions: int) -> pl.Series:
    """Return the partition of every payment: as archived, else that of its card number; `code` is a place in `cards`."""
    if PARTITION in frame.columns and NUMBER not in frame.columns:
        return frame[PARTITION].cast(pl.Int64)
    homes = pl.Series([partition_of(str(card), partitions) for card in cards], dtype=pl.Int64)
    named = homes.gather(code)
    if PARTITION not in frame.columns:
        return named
    return frame.select(pl.coalesce(pl.col(PARTITION).cast(pl.Int64), named)).to_series()
