"""Writes a world to Parquet, one file a day: complete or not at all, and never two worlds in one directory."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.amounts import HUNDREDTHS, units_of
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.times import DAY_MS, midnight_ms
from fraudstream.offline.history import LABELS
from fraudstream.offline.whole_directory import holds_something, replacing
from fraudstream.world.dressing import Dressing, dressing_of, named, require_plain
from fraudstream.world.handbook import Customers, Handbook
from fraudstream.world.late_labels import TRUTH, Labels
from fraudstream.world.manifest import HANDBOOK, MANIFEST, described, manifest_in
from fraudstream.world.population import Population
from fraudstream.world.rows import SCENARIOS, Rows
from fraudstream.world.scenarios import require_refunds
from fraudstream.world.world import World

TIDS_PER_DAY = 10_000_000
"""Transaction ids count from (days since 1970) x this: unique over all days, and below 2^53, exact in JavaScript."""


@dataclass(frozen=True, slots=True)
class Generated:
    """What is in the directory after `generate`, and whether it was there before."""

    manifest: dict[str, Any]
    already_there: bool


def to_frame(
    rows: Rows, people: Population | Customers, first_tid: int, dressing: Dressing | None = None
) -> pl.DataFrame:
    """Return payments as the history holds them; ids count up from `first_tid`."""
    frame = pl.DataFrame(
        {
            "tid": np.arange(first_tid, first_tid + len(rows)),
            "cc_num": people.numbers[rows.card],
            "amount": rows.cents / units_of(HUNDREDTHS),
            "event_time": rows.at_ms,
            "merchant": named(people.merchants, rows.merchant),
            "zip_code": named(people.zip_codes, rows.zip_code),
            "is_fraud": rows.is_fraud,
            "scenario": named(SCENARIOS, rows.scenario),
        }
    )
    return frame if dressing is None else dressing.dressed(frame, rows, first_tid)


def generate(
    world: World | Handbook,
    directory: Path,
    event_type: EventType | None = None,
    *,
    force: bool = False,
    late_labels: bool = False,
    on_day: Callable[[int], None] = lambda rows: None,
) -> Generated:
    """Write the world's history, with the variables of an event type; a second call finds it done.

    `on_day(rows)` is called for every day written. With `late_labels` payments have no labels of their own: those that became known
    are beside them, as in an archive.

    Raises SetupError if the directory holds anything else, unless `force`, which then replaces the whole directory, and if the
    event type refuses what a scenario makes.
    """
    there = manifest_in(directory)
    dressing = _dressing(world, event_type)
    wanted = described(world) | ({} if dressing is None else dressing.described)
    if late_labels:
        wanted["late_labels"] = True
    if there is not None and there["world"] == wanted and there["bytes"] == _bytes_in(directory):
        return Generated(there, already_there=True)
    if holds_something(directory) and not force:
        raise SetupError(
            f"{directory} already holds other payments; choose another directory, or replace all of it with: "
            "fraudstream generate --force"
        )
    with replacing(directory) as draft:
        labels = Labels(world.seed) if late_labels else None
        manifest = _write(world, dressing, wanted, draft, on_day, labels)
    return Generated(manifest, already_there=False)


def _dressing(world: World | Handbook, event_type: EventType | None) -> Dressing | None:
    """Return what makes the event type's variables; raises SetupError if the world has not got what it needs."""
    if isinstance(world, Handbook):
        require_plain(event_type, HANDBOOK)
        return None
    require_refunds(world.scenarios, event_type)
    return dressing_of(event_type, world.people, world.seed)


def _write(
    world: World | Handbook,
    dressing: Dressing | None,
    wanted: dict[str, Any],
    draft: Path,
    on_day: Callable[[int], None],
    labels: Labels | None,
) -> dict[str, Any]:
    """Write every day and, last, the manifest; return the manifest."""
    digest = hashlib.sha256()
    payments = fraud = written = 0
    for day, rows in zip(world.dates(), world.by_day(), strict=True):
        frame = to_frame(rows, world.people, midnight_ms(day) // DAY_MS * TIDS_PER_DAY, dressing)
        files = {f"date={day}/payments.parquet": frame}
        if labels is not None:
            files = {
                f"date={day}/payments.parquet": frame.drop(*TRUTH),
                f"{LABELS}/date={day}/labels.parquet": labels.of(frame, day),
            }
        for name, columns in files.items():
            path = draft / name
            path.parent.mkdir(parents=True)
            columns.write_parquet(path, compression="zstd", compression_level=1, statistics=True)
            content = path.read_bytes()
            digest.update(content)
            written += len(content)
        payments += len(rows)
        fraud += int(rows.is_fraud.sum())
        on_day(len(rows))
    manifest = {
        "world": wanted,
        "payments": payments,
        "fraud": fraud,
        **({} if labels is None else {"labels": labels.described}),
        "first_date": str(world.start),
        "last_date": str(world.dates()[-1]),
        "bytes": written,
        "sha256": digest.hexdigest(),
    }
    (draft / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest


def _bytes_in(directory: Path) -> int:
    """Return the size of all Parquet files of a history, which tells if one is missing, cut or added."""
    files = (*directory.glob("date=*/*.parquet"), *directory.glob(f"{LABELS}/date=*/*.parquet"))
    return sum(path.stat().st_size for path in files)
