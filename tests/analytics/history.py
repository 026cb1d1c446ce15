"""A small archive for tests of figures, and the same decisions as plain dictionaries."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.archive.filters import Filter
from fraudstream.adapters.archive.lake import Lake, Stream, labels_lake
from fraudstream.analytics.archive import Archive
from fraudstream.analytics.decided import Question
from fraudstream.domain.labels import Label, archived_labels, encode
from tests.archive_rows import DAY_MS, MONDAY_MS, archived, encoded

HOUR_MS = 3_600_000


def write(directory: Path, decisions: Sequence[dict[str, Any]], labels: Sequence[Label] = ()) -> Archive:
    """Archive decisions, each with what `tests.archive_rows.decision` is to have changed, and labels; return the archive."""
    objects = LocalObjects(directory)
    values = [encoded(number, **changed) for number, changed in enumerate(decisions)]
    if values:
        rows = archived(values, list(range(len(values))))
        asyncio.run(Lake(objects).write(Stream("decisions", 0), rows, {}))
    if labels:
        known = archived_labels([encode(label) for label in labels], list(range(len(labels))))
        asyncio.run(labels_lake(objects).write(Stream("labels", 0), known.sort("label_offset"), {}))
    return Archive(str(directory), directory / "beside", 100)


def question(days: int = 7, *filters: str, known_until_ms: int | None = None) -> Question:
    """Ask about the days from Monday on."""
    written = tuple(Filter.written(each) for each in filters)
    return Question(MONDAY_MS, MONDAY_MS + days * DAY_MS, written, known_until_ms)
