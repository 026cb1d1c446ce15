"""The embedded weekly store: one Parquet snapshot per midnight, held in memory by every worker.

A snapshot is a data file named after its content and a manifest that names it; the manifest is written last, so a
reader never sees half a snapshot. By default the newest two are kept, so a replay of yesterday finds what yesterday found.
"""

import asyncio
import io
import json
import logging
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars as pl

from fraudstream.adapters.files import sha256_of, write_atomically
from fraudstream.domain.errors import SetupError
from fraudstream.domain.names import validate_name
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.weekly import MIDNIGHTS_KEPT, OnlineStore, Week, WeeklyAnswer, day_of

CHECK_EVERY_S = 1.0
"""How often a store checks for new files (one `stat` of the directory)."""

FIRST = ("card", "payments", "mean_amount")
"""The columns of every snapshot; those that the event type declares come after them."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The weeks of all entities as of one midnight."""

    as_of_ms: int
    sha256: str
    weeks: Mapping[str, Week]


def write_snapshot(
    directory: Path,
    as_of_ms: int,
    weeks: pl.DataFrame,
    kept: int = MIDNIGHTS_KEPT,
    about: Mapping[str, Any] = MappingProxyType({}),
    layout: str = "",
) -> dict[str, Any]:
    """Write the weeks as of a midnight (columns card, payments, mean_amount and declared parts) and return the manifest.

    Repeating it replaces the snapshot. Only the newest `kept` snapshots stay. `about`: more entries of the manifest,
    `layout`: that of the declaration the parts are of.
    """
    directory.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    weeks.select(*FIRST, pl.exclude(FIRST)).write_parquet(buffer, compression="zstd")
    content = buffer.getvalue()
    day, digest = day_of(as_of_ms), sha256_of(content)
    file = f"{day}-{digest[:12]}.parquet"
    manifest: dict[str, Any] = {
        "as_of": day,
        "as_of_ms": as_of_ms,
        "rows": weeks.height,
        "sha256": digest,
        "file": file,
        **({"layout": layout} if layout else {}),
        **about,
    }
    write_atomically(directory / file, content)
    write_atomically(directory / f"{day}.json", (json.dumps(manifest, indent=2) + "\n").encode())
    _tidy(directory, day, kept)
    return manifest


def frame_of(directory: Path, manifest: Mapping[str, Any]) -> pl.DataFrame:
    """Read the snapshot of a manifest as columns; raises SetupError if the file is not what the manifest says."""
    content = (directory / validate_name("snapshot", manifest["file"])).read_bytes()
    if sha256_of(content) != manifest["sha256"]:
        raise SetupError(
            f"{directory / manifest['file']} is damaged; compute it again with: "
            f"fraudstream aggregate --as-of {manifest['as_of']}"
        )
    return pl.read_parquet(io.BytesIO(content))


def read_snapshot(directory: Path, manifest: Mapping[str, Any]) -> Snapshot:
    """Read the snapshot of a manifest for looking up."""
    weeks = dict(pairs(frame_of(directory, manifest)))
    return Snapshot(manifest["as_of_ms"], manifest["sha256"], weeks)


def pairs(frame: pl.DataFrame) -> Iterator[tuple[str, Week]]:
    """Yield entity token and week of a snapshot's rows."""
    others = [name for name in frame.columns if name not in FIRST]
    columns = (frame[name].to_list() for name in FIRST)
    parts = frame.select(others).iter_rows() if others else repeat(())
    for entity, payments, mean, declared in zip(*columns, parts, strict=False):
        yield entity, Week(payments, mean, declared)


def newest_snapshot(directory: Path, layout: str | None = None) -> Snapshot:
    """Read the newest snapshot, with a layout the newest that has it, e.g. to pick entities that have a week; raises SetupError if there is none."""
    manifests = manifests_in(directory, layout)
    if not manifests:
        raise SetupError(f"no weekly aggregates in {directory}; compute them with: fraudstream aggregate")
    return read_snapshot(directory, manifests[0])


class WeeklyFiles(OnlineStore):
    """Answers from memory, and reads new snapshots in the background.

    The nightly job's files are the store, so there is nothing to load.
    """

    def __init__(
        self,
        directory: Path,
        check_every_s: float = CHECK_EVERY_S,
        kept: int = MIDNIGHTS_KEPT,
        layout: str = "",
    ) -> None:
        """Read what is there now; a directory without snapshots is not an error, decisions are marked degraded.

        Snapshots of another declaration than that of `layout` are as good as none.
        """
        self._directory = directory
        self._layout = layout
        self._kept = kept
        self._check_every_s = check_every_s
        self._checked_at = time.monotonic()
        self._seen = self._mtime_ns()
        self._snapshots: list[Snapshot] = self._load([])
        self._reading: asyncio.Task[None] | None = None
        if not self._snapshots:
            log.warning(
                "no weekly aggregates of this event type in %s: decisions are degraded until there are; compute them with: fraudstream aggregate",
                directory,
            )

    async def get_many(self, entities: Collection[str], midnight_ms: int) -> WeeklyAnswer:
        """Return the weeks of these entities as of this midnight, or of one day before it if that is the newest."""
        self._look_for_news()
        for snapshot in self._snapshots:
            if midnight_ms - DAY_MS <= snapshot.as_of_ms <= midnight_ms:
                weeks = snapshot.weeks
                return WeeklyAnswer(
                    {entity: weeks[entity] for entity in entities if entity in weeks}, snapshot.as_of_ms
                )
        return WeeklyAnswer()

    async def newest(self, midnight_ms: int) -> int | None:
        """Return the newest midnight in memory, however old."""
        await self.refreshed()
        return max((at.as_of_ms for at in self._snapshots if at.as_of_ms <= midnight_ms), default=None)

    async def create(self) -> bool:
        """Create the directory, as the nightly job would."""
        there = self._directory.is_dir()
        self._directory.mkdir(parents=True, exist_ok=True)
        return not there

    async def describe(self) -> dict[str, Any]:
        """Return where it is and how large."""
        size = sum(path.stat().st_size for path in self._directory.glob("*.parquet"))
        return {"kind": "snapshot", "name": str(self._directory), "status": "Created", "bytes": size}

    async def nights(self, midnights_ms: Sequence[int]) -> dict[int, int]:
        """Return which of these midnights there are, and with how many entities each."""
        entities = {
            manifest["as_of_ms"]: int(manifest["rows"])
            for manifest in manifests_in(self._directory, self._layout)
        }
        return {midnight: entities[midnight] for midnight in midnights_ms if midnight in entities}

    async def load(self, as_of_ms: int, weeks: Sequence[tuple[str, Week]]) -> None:
        """Do nothing: the nightly job has."""

    async def publish(self, as_of_ms: int, entities: int) -> None:
        """Do nothing: the nightly job has."""

    async def refreshed(self) -> None:
        """Look for new snapshots now and wait until they are read."""
        self._checked_at = -float("inf")
        self._look_for_news()
        if self._reading is not None:
            await self._reading

    def _look_for_news(self) -> None:
        """Start reading in the background if the directory has changed since the last look."""
        now = time.monotonic()
        if now - self._checked_at < self._check_every_s or (self._reading and not self._reading.done()):
            return
        self._checked_at = now
        seen = self._mtime_ns()
        if seen != self._seen:
            self._seen = seen
            self._reading = asyncio.create_task(self._reload())

    async def _reload(self) -> None:
        """Read the new snapshots in a thread; if one is damaged or vanishes meanwhile, keep what we have."""
        try:
            self._snapshots = await asyncio.to_thread(self._load, self._snapshots)
        except (SetupError, OSError, ValueError) as error:
            self._seen = -1  # look again at the next check
            log.warning("weekly aggregates could not be reloaded: %s", error)

    def _load(self, known: Iterable[Snapshot]) -> list[Snapshot]:
        """Return the newest snapshots, newest first, reading only those not known yet."""
        by_digest = {snapshot.sha256: snapshot for snapshot in known}
        manifests = manifests_in(self._directory, self._layout)[: self._kept]
        snapshots = []
        for manifest in manifests:
            snapshot = by_digest.get(manifest["sha256"])
            same = snapshot is not None and snapshot.as_of_ms == manifest["as_of_ms"]
            snapshots.append(
                snapshot if snapshot is not None and same else read_snapshot(self._directory, manifest)
            )
        return snapshots

    def _mtime_ns(self) -> int:
        """Return when the directory last changed, 0 if there is none: renaming a manifest into it changes it."""
        try:
            return self._directory.stat().st_mtime_ns
        except FileNotFoundError:
            return 0


def manifests_in(directory: Path, layout: str | None = None) -> list[dict[str, Any]]:
    """Return the manifests, newest midnight first (their names sort by day); with a layout, those that have it."""
    paths = sorted(directory.glob("????-??-??.json"), reverse=True)
    found = [json.loads(path.read_text()) for path in paths]
    return [each for each in found if layout is None or each.get("layout", "") == layout]


def _tidy(directory: Path, just_written: str, kept: int) -> None:
    """Remove all but the newest snapshots and the one just written, then files no manifest names."""
    for manifest in manifests_in(directory)[kept:]:
        if manifest["as_of"] != just_written:
            (directory / f"{manifest['as_of']}.json").unlink(missing_ok=True)
    named = {manifest["file"] for manifest in manifests_in(directory)}
    for path in directory.glob("????-??-??-*.parquet"):
        if path.name not in named:
            path.unlink(missing_ok=True)
