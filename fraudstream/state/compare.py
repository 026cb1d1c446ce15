"""What differs between log, changelog and RocksDB of one partition, for every card in the horizon that is kept."""

from collections.abc import Collection, Mapping
from itertools import chain
from typing import NamedTuple, TypeVar

from fraudstream.domain.releases.plan import Plans
from fraudstream.domain.windows.entries import Entry, Layout
from fraudstream.state.kept import Changelog, Disk, Key, Logged
from fraudstream.state.source import kept_from
from fraudstream.tables.activity_batch import SEQUENCE_SHIFT

Value = TypeVar("Value")


class CopyDifference(NamedTuple):
    """How a copy (changelog or RocksDB) differs from the log."""

    entries: int
    missing: list[Key]
    extra: list[Key]
    unequal: list[Key]

    @property
    def clean(self) -> bool:
        """Tell whether it does not differ."""
        return not (self.missing or self.extra or self.unequal)


class Compared(NamedTuple):
    """One partition. `disk` is None if this worker does not have it."""

    partition: int
    log: dict[Key, Logged]
    changelog: CopyDifference
    disk: CopyDifference | None
    damage: str | None
    """What is wrong apart from entries: an unreadable RocksDB, a changelog shorter than the state has read it."""
    changelog_end: int
    ends_unread: bool
    undecodable: int
    """Records of the changelog that cannot be decoded."""
    plans: Plans
    """Which releases decide, as the changelog says."""

    @property
    def clean(self) -> bool:
        """Tell whether nothing is wrong."""
        return self.damage is None and self.changelog.clean and (self.disk is None or self.disk.clean)


def compare(
    partition: int,
    log: Mapping[Key, Logged],
    log_begin: int,
    changelog: Changelog,
    disk: Disk | None,
    allowed_lateness_ms: int,
    layout: Layout,
    damage: str | None = None,
) -> Compared:
    """Compare what lies in the kept horizon. `log_begin`: first offset of the partition that `transactions` still has."""
    logged, written = dict(log), {key: entry for key, (_, entry) in changelog.entries.items()}
    stored = {} if disk is None else disk.entries
    everything = chain((each.entry for each in logged.values()), written.values(), stored.values())
    oldest_ms = kept_from(
        max((entry.event_time_ms for entry in everything), default=0), allowed_lateness_ms, layout
    )
    logged, written, stored = _since(oldest_ms, logged), _since(oldest_ms, written), _since(oldest_ms, stored)
    behind: set[Key] = set()
    if disk is not None:
        behind = {key for key, (offset, _) in changelog.entries.items() if offset > disk.changelog_offset}
        if disk.changelog_offset >= changelog.end:
            damage = (
                f"the changelog ends at {changelog.end}, the state has read it to {disk.changelog_offset}"
            )
    if changelog.ends_unread:
        damage = f"the changelog ends at {changelog.end} without a record, recovery would wait for one"
    if changelog.undecodable:
        damage = f"{changelog.undecodable} records of the changelog cannot be decoded"
    return Compared(
        partition,
        logged,
        _difference(logged, written, log_begin, ()),
        None if disk is None else _difference(logged, stored, log_begin, behind),
        damage,
        changelog.end,
        changelog.ends_unread,
        changelog.undecodable,
        changelog.plans,
    )


def _since(oldest_ms: int, entries: Mapping[Key, Value]) -> dict[Key, Value]:
    return {key: value for key, value in entries.items() if key[0] >= oldest_ms}


def _difference(
    log: Mapping[Key, Logged], copy: Mapping[Key, Entry], log_begin: int, behind: Collection[Key]
) -> CopyDifference:
    """Compare a copy with the log; the keys in `behind` come with the next recovery."""
    missing = [key for key, must in log.items() if must.committed and key not in copy and key not in behind]
    extra = [
        key for key, entry in copy.items() if key not in log and entry.sequence >> SEQUENCE_SHIFT >= log_begin
    ]
    unequal = [key for key, entry in copy.items() if key in log and not same(log[key], entry)]
    return CopyDifference(len(copy), missing, extra, unequal)


def same(logged: Logged, entry: Entry) -> bool:
    """Tell whether an entry is the log's.

    The sequence of a repartitioned payment depends on who numbered it; growing the topics renumbers all entries.
    """
    expected = logged.entry
    equal = (expected.event_time_ms, expected.cents) == (entry.event_time_ms, entry.cents)
    return equal and (logged.repartitioned or entry.sequence < 0 or expected.sequence == entry.sequence)
