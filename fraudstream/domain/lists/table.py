"""What is on the lists, as a worker holds it: a dictionary a list, changed record by record.

Its revision is the offset after the last record that was applied. An entry remembers for a while since which revision it has
been on its list or off it, so that a decision can be made again with the lists of then.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import polars as pl

from fraudstream.domain.lists.calls import Call
from fraudstream.domain.lists.entries import SNOOZE, Change, Listed, Listing
from fraudstream.domain.lists.presence import KEPT_MS, Presence

ENTRIES_MAX = 2_000_000
"""On all lists of a worker; further ones are left out, and health says so."""

MANY = 10_000
"""Of more events than this, values are looked up once."""

FOR_EVER = 2**62
OFF = -(2**62)
"""Expiry of an entry that is on a list for ever, or not at all; else epoch milliseconds of event time."""

Version = tuple[int, int]
"""Since which revision, and until which event time."""
Versions = int | tuple[Version, ...]
"""Of an entry that was put on a list once and for ever only the revision, which is most of them: a third of the memory."""


class Lists(Protocol):
    """What rules ask."""

    @property
    def revision(self) -> int:
        """What is published as `lists_as_of`; 0 while nothing was ever on a list."""
        ...

    @property
    def has_snoozes(self) -> bool:
        """Whether rules are snoozed for some entities."""
        ...

    def has(self, name: str, value: str, event_time_ms: int) -> bool | None:
        """Tell whether a value is on a list at an event's time; None if there is no such list."""
        ...

    def at(self, revision: int | None) -> "Lists":
        """Return the lists as they were at a revision, at most a few days ago; None: as they are, and will be."""
        ...


class ListTable:
    """The lists of a worker."""

    def __init__(self) -> None:
        self.revision = 0
        self.entries = 0
        """On or lately off a list."""
        self.left_out = 0
        self.listings: dict[str, Listing] = {}
        self._entries: dict[str, dict[str, Versions]] = {}
        self._changed: deque[tuple[int, str, str]] = deque()
        """When, and which entries have former states."""
        self._sizes: Counter[str] = Counter()
        """How many values are on a list, whether they have ended or not."""
        self._there: dict[str, Presence] = {}
        """Of each list. One that was never made is there while something is on it."""
        self._now: set[str] = set()
        """Those that are there."""
        self._snoozed: set[str] = set()
        """Lists of snoozes that are not empty."""
        self._snoozes = Presence()

    @property
    def has_snoozes(self) -> bool:
        """Whether rules are snoozed."""
        return self._snoozes.now

    def had_snoozes(self, revision: int) -> bool:
        """Tell whether rules were snoozed."""
        return self._snoozes.at(revision)

    def has(self, name: str, value: str, event_time_ms: int, revision: int | None = None) -> bool | None:
        """Look it up; `revision`: as it was then."""
        entries = self._entries.get(name)
        versions = None if entries is None else entries.get(value)
        if isinstance(versions, int):
            if revision is None or versions <= revision:
                return True
        elif versions is not None:
            known = versions if revision is None else [each for each in versions if each[0] <= revision]
            if known and event_time_ms < known[-1][1]:
                return True
        if revision is None:
            return False if name in self._now else None
        there = self._there.get(name)
        return False if there is not None and there.at(revision) else None

    def at(self, revision: int | None) -> Lists:
        """Return the lists as they were."""
        return self if revision is None or revision == self.revision else ListsAt(self, revision)

    def apply(self, change: Change, offset: int, at_ms: int) -> None:
        """Take the record at an offset, written at a time; one that was taken already is passed over."""
        if offset < self.revision:
            return
        self.revision = offset + 1
        if change.value is None:
            if isinstance(change.said, Listing):
                self.listings[change.name] = change.said
            else:
                self.listings.pop(change.name, None)
        else:
            self._put(change, change.value, at_ms)
        self._note(change.name, at_ms)
        self.forget_old(at_ms)

    def clear(self) -> None:
        """Forget everything, to be filled anew; detectors that ask this table go on asking it."""
        self.revision = self.entries = self.left_out = 0
        self._snoozes = Presence()
        for each in (self.listings, self._entries, self._changed, self._sizes, self._there):
            each.clear()
        self._now.clear()
        self._snoozed.clear()

    def forget_old(self, now_ms: int) -> None:
        """Forget former states that no decision can be made again with."""
        self.forget(now_ms - KEPT_MS)

    def forget(self, before_ms: int) -> None:
        """Forget former states that were replaced before a time."""
        while self._changed and self._changed[0][0] < before_ms:
            _, name, value = self._changed.popleft()
            versions = self._entries.get(name, {}).get(value)
            if isinstance(versions, tuple):
                last = versions[-1]
                if last[1] == OFF:
                    self._remove(name, value)
                else:
                    self._entries[name][value] = last[0] if last[1] == FOR_EVER else (last,)

    def _put(self, change: Change, value: str, at_ms: int) -> None:
        entries = self._entries.setdefault(change.name, {})
        before = entries.get(value)
        until = OFF
        if isinstance(change.said, Listed):
            until = FOR_EVER if change.said.expires_at_ms is None else change.said.expires_at_ms
        if before is None:
            if until == OFF:
                return
            if self.entries >= ENTRIES_MAX:
                self.left_out += 1
                return
            entries[value] = self.revision if until == FOR_EVER else ((self.revision, until),)
            self.entries += 1
            self._sizes[change.name] += 1
            return
        former = ((before, FOR_EVER),) if isinstance(before, int) else before
        self._sizes[change.name] += (until != OFF) - (former[-1][1] != OFF)
        entries[value] = (*former, (self.revision, until))
        self._changed.append((at_ms, change.name, value))

    def _note(self, name: str, at_ms: int) -> None:
        """Remember since when there is a list, and since when rules are snoozed."""
        holds = self._sizes[name] > 0
        there = holds or name in self.listings
        if there or name in self._there:
            self._there.setdefault(name, Presence()).put(there, self.revision, at_ms)
            (self._now.add if there else self._now.discard)(name)
        if name.startswith(SNOOZE):
            (self._snoozed.add if holds else self._snoozed.discard)(name)
            self._snoozes.put(bool(self._snoozed), self.revision, at_ms)

    def _remove(self, name: str, value: str) -> None:
        del self._entries[name][value]
        self.entries -= 1


class ListsAt:
    """The lists of a worker as they were at a revision, for events that are decided with the lists of then."""

    def __init__(self, table: ListTable, revision: int) -> None:
        self._table = table
        self.revision = revision

    @property
    def has_snoozes(self) -> bool:
        """Whether rules were snoozed."""
        return self._table.had_snoozes(self.revision)

    def has(self, name: str, value: str, event_time_ms: int) -> bool | None:
        """Look it up."""
        return self._table.has(name, value, event_time_ms, self.revision)

    def at(self, revision: int | None) -> Lists:
        """Return the lists as they were at another revision."""
        return self._table.at(revision)


NO_LISTS = ListTable()
"""Where there are none: in the offline world, and in tests."""


def answers(
    call: Call, lists: Lists, values: Iterable[Any], event_times_ms: Iterable[int]
) -> list[bool | None]:
    """Return the column of a call; of many events each value is looked up once, and most are on no list."""
    has, name = lists.has, call.name
    if isinstance(values, pl.Series) and len(values) > MANY:
        distinct = values.unique().drop_nulls()
        listed, not_listed = {each for each in distinct if has(name, str(each), OFF)}, has(name, "", OFF)
        return [
            None if value is None else has(name, str(value), at_ms) if value in listed else not_listed
            for value, at_ms in zip(values, event_times_ms, strict=True)
        ]
    return [
        None if value is None else has(name, value if type(value) is str else str(value), at_ms)
        for value, at_ms in zip(values, event_times_ms, strict=True)
    ]


def snoozed(lists: Lists, rules: Sequence[str], entity: str | None, event_time_ms: int) -> set[str]:
    """Return which of these rules do not judge an entity for now."""
    if entity is None:
        return set()
    return {rule for rule in rules if lists.has(SNOOZE + rule, entity, event_time_ms)}
