"""Writes a world to Parquet, one file a day: complete or not at all, and never two worlds in one directory."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.amounts import HUNDREDTHS, units_of
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.times import DAY_MS, midnight_ms
from fraudstream.offline.whole_directory import holds_something, replacing
from fraudstream.world.bursts import CARD_TESTING_GAP_S, CHAIN_GAP_S
from fraudstream.world.dressing import Dressing, dressing_of, named
from fraudstream.world.kinds import CARD_TESTING_SHARE
from fraudstream.world.population import AMOUNT_SPANS, MERCHANTS, ZIP_CODES, Population
from fraudstream.world.rows import SCENARIOS, Rows
from fraudstream.world.scenarios import require_refunds
from fraudstream.world.world import World

WORLD_VERSION = 1
"""Increased whenever the same seed gives other payments, so that an old world is not taken for a new one."""

MANIFEST = "manifest.json"

TIDS_PER_DAY = 10_000_000
"""Transaction ids count from (days since 1970) x this: unique over all days, and below 2^53, exact in JavaScript."""


@dataclass(frozen=True, slots=True)
class Generated:
    """What is in the directory after `generate`, and whether it was there before."""

    manifest: dict[str, Any]
    already_there: bool


def to_frame(
    rows: Rows, people: Population, first_tid: int, dressing: Dressing | None = None
) -> pl.DataFrame:
    """Return payments as the history holds them; ids count up from `first_tid`."""
    frame = pl.DataFrame(
        {
            "tid": np.arange(first_tid, first_tid + len(rows)),
            "cc_num": people.numbers[rows.card],
            "amount": rows.cents / units_of(HUNDREDTHS),
            "event_time": rows.at_ms,
            "merchant": named(MERCHANTS, rows.merchant),
            "zip_code": named(ZIP_CODES, rows.zip_code),
            "is_fraud": rows.is_fraud,
            "scenario": named(SCENARIOS, rows.scenario),
        }
    )
    return frame if dressing is None else dressing.dressed(frame, rows, first_tid)


def generate(
    world: World,
    directory: Path,
    event_type: EventType | None = None,
    *,
    force: bool = False,
    on_day: Callable[[int], None] = lambda rows: None,
) -> Generated:
    """Write the world's history, with the variables of an event type; a second call finds it done.

    `on_day(rows)` is called for every day written.

    Raises SetupError if the directory holds anything else, unless `force`, which then replaces the whole directory, and if the
    event type refuses what a scenario makes.
    """
    require_refunds(world.scenarios, event_type)
    there = _manifest_in(directory)
    dressing = dressing_of(event_type, world.people, world.seed)
    wanted = _describe(world) | ({} if dressing is None else dressing.described)
    if there is not None and there["world"] == wanted and there["bytes"] == _bytes_in(directory):
        return Generated(there, already_there=True)
    if holds_something(directory) and not force:
        raise SetupError(
            f"{directory} already holds other payments; choose another directory, or replace all of it with: "
            "fraudstream generate --force"
        )
    with replacing(directory) as draft:
        manifest = _write(world, dressing, wanted, draft, on_day)
    return Generated(manifest, already_there=False)


def _write(
    world: World,
    dressing: Dressing | None,
    wanted: dict[str, Any],
    draft: Path,
    on_day: Callable[[int], None],
) -> dict[str, Any]:
    """Write every day and, last, the manifest; return the manifest."""
    digest = hashlib.sha256()
    payments = fraud = written = 0
    for day, rows in zip(world.dates(), world.by_day(), strict=True):
        path = draft / f"date={day}" / "payments.parquet"
        path.parent.mkdir()
        frame = to_frame(rows, world.people, midnight_ms(day) // DAY_MS * TIDS_PER_DAY, dressing)
        frame.write_parquet(path, compression="zstd", compression_level=1, statistics=True)
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
        "first_date": str(world.start),
        "last_date": str(world.dates()[-1]),
        "bytes": written,
        "sha256": digest.hexdigest(),
    }
    (draft / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest


def read_world(directory: Path) -> World:
    """Return the world whose history is in a directory, e.g. to continue it; raises SetupError if there is none."""
    manifest = _manifest_in(directory)
    if manifest is None or manifest["world"]["version"] != WORLD_VERSION:
        raise SetupError(f"no simulated history in {directory}; make one with: fraudstream generate")
    world = manifest["world"]
    return World(
        seed=world["seed"],
        cards=world["cards"],
        days=world["days"],
        payments=world["payments"],
        start=date.fromisoformat(world["start"]),
        scenarios=tuple((name, share) for name, share in world.get("scenarios", {}).items()),
    )


def _describe(world: World) -> dict[str, Any]:
    """Return everything that determines the payments."""
    return {
        "version": WORLD_VERSION,
        "seed": world.seed,
        "cards": world.cards,
        "days": world.days,
        "payments": world.payments,
        "start": str(world.start),
        "fraud_share": world.fraud_share,
        "card_testing_share": CARD_TESTING_SHARE,
        "chain_gap_s": list(CHAIN_GAP_S),
        "card_testing_gap_s": list(CARD_TESTING_GAP_S),
        "amount_spans": [list(span) for span in AMOUNT_SPANS],
        **({"scenarios": dict(world.scenarios)} if world.scenarios else {}),
    }


def _manifest_in(directory: Path) -> dict[str, Any] | None:
    """Return the manifest of a directory, or None if it has none."""
    path = directory / MANIFEST
    if not path.is_file():
        return None
    manifest: dict[str, Any] = json.loads(path.read_text())
    return manifest


def _bytes_in(directory: Path) -> int:
    """Return the size of all Parquet files of a history, which tells if one is missing, cut or added."""
    return sum(path.stat().st_size for path in directory.glob("date=*/*.parquet"))
