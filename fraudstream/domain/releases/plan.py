"""Which release decides an event, with which lists: by its sequence in its partition, and for a canary by its entity.

A partition remembers every switch with the sequence of the first event after it. An event that is decided again, after a
crash or because it was sent twice, has the sequence of its first arrival, so the release of the first time decides it.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
import numpy as np

from fraudstream.domain.lists.as_of import Step, Steps, followed, joined, revision_at
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.windows.cells import Ints

OWN = ""
"""Stands for the detector that a worker makes of its own model and its event type's rules, where no release was activated."""

FIRST = -(2**63)
"""The sequence that no event comes before."""

KEPT_MS = 3 * DAY_MS
"""How long a plan is remembered after it was replaced: as long as the changelog remembers the events that it decided."""

SHARES = 2**64


class Choice(NamedTuple):
    """A release, whether it decides as the canary, and with the lists of which revision; None: with the newest."""

    release: str
    canary: bool = False
    lists_as_of: int | None = None


class Plan(msgspec.Struct, frozen=True):
    """Releases by their SHA-256: `champion` decides, but for a share of the entities, 0 to 1, that `canary` decides."""

    champion: str = OWN
    canary: str = OWN
    share: float = 0.0

    @property
    def has_canary(self) -> bool:
        """Tell whether a canary decides some entities."""
        return self.share > 0

    @property
    def releases(self) -> frozenset[str]:
        """Return the releases that it needs."""
        return frozenset({self.champion, self.canary} - {OWN})

    def choice(self, key: str) -> Choice:
        """Return what decides an entity (`key`: its token), or an event without entity (its id).

        A larger share has all entities of a smaller one; another canary has others.
        """
        if not self.has_canary:
            return Choice(self.champion)
        digest = blake2b(key.encode(), digest_size=8, key=bytes.fromhex(self.canary)).digest()
        chosen = int.from_bytes(digest) < self.share * SHARES
        return Choice(self.canary, canary=True) if chosen else Choice(self.champion)


class Switch(msgspec.Struct, frozen=True):
    """Since which sequence a plan decides, and when it began to (epoch milliseconds, the worker's clock)."""

    plan: Plan = Plan()
    from_sequence: int = FIRST
    at_ms: int = 0


class Plans(msgspec.Struct, frozen=True):
    """The plans of a partition, the one in force last; the first one decides whatever came before the second."""

    switches: tuple[Switch, ...] = (Switch(),)
    lists: Steps = ()
    """The revisions of the lists, likewise."""

    @classmethod
    def parsed(cls, content: bytes) -> "Plans":
        """Read what `to_bytes` wrote."""
        return msgspec.json.decode(content, type=cls)

    def to_bytes(self) -> bytes:
        """Return it as JSON."""
        return msgspec.json.encode(self)

    @property
    def now(self) -> Plan:
        """The plan in force."""
        return self.switches[-1].plan

    @property
    def releases(self) -> frozenset[str]:
        """Return the releases that are needed to decide any event of the partition."""
        return frozenset[str]().union(*(switch.plan.releases for switch in self.switches))

    def at(self, sequence: int) -> Plan:
        """Return the plan that decides the event of a sequence."""
        later = bisect_right(self.switches, sequence, lo=1, key=lambda switch: switch.from_sequence)
        return self.switches[later - 1].plan

    def switched(self, plan: Plan, from_sequence: int, at_ms: int) -> "Plans":
        """Return the plans with another one in force; those replaced long ago are forgotten."""
        kept = [switch for switch in self.switches if switch.from_sequence < from_sequence]
        recent = [place for place, switch in enumerate(kept[1:], 1) if switch.at_ms > at_ms - KEPT_MS]
        first = recent[0] - 1 if recent else max(0, len(kept) - 1)
        return Plans((*kept[first:], Switch(plan, from_sequence if kept else FIRST, at_ms)), self.lists)

    def with_lists(self, revision: int, from_sequence: int, at_ms: int) -> "Plans":
        """Return the plans with another revision of the lists in force."""
        step = Step(revision, from_sequence if self.lists else FIRST, at_ms)
        return Plans(self.switches, followed(self.lists, step))

    @property
    def lists_as_of(self) -> int | None:
        """The revision of the lists in force; None if none was ever noted."""
        return self.lists[-1].revision if self.lists else None

    def only_now(self) -> "Plans":
        """Return the plan in force alone, for state whose sequences were given anew."""
        lists = tuple(Step(step.revision, FIRST, step.at_ms) for step in self.lists[-1:])
        return Plans((Switch(self.now, FIRST, self.switches[-1].at_ms),), lists)

    def to_say(self) -> "Plans":
        """Return what the changelog is told: of the lists only the last change, because its earlier records have the others."""
        return Plans(self.switches, self.lists[-2:])

    def after(self, before: "Plans") -> "Plans":
        """Return these plans, read from a changelog, with the changes of lists that earlier records said."""
        return Plans(self.switches, joined(before.lists, self.lists))

    def choice(self, sequence: int, key: str) -> Choice:
        """Return what decides an event of this sequence and entity."""
        return self.at(sequence).choice(key)._replace(lists_as_of=revision_at(self.lists, sequence))

    @property
    def in_force(self) -> Choice | None:
        """What decides new events; None if it depends on the entity."""
        plan = self.switches[-1].plan
        if plan.share > 0:
            return None
        return Choice(plan.champion, False, self.lists[-1].revision if self.lists else None)

    @property
    def since(self) -> int:
        """The sequence from which on that is so."""
        last = self.switches[-1].from_sequence
        return max(last, self.lists[-1].from_sequence) if self.lists else last


def newest(plans: Sequence[Plans]) -> Plans:
    """Return what was switched last of several partitions, for state whose sequences were given anew."""
    switches = max((each.switches for each in plans), key=lambda own: own[-1].at_ms)
    lists = max((each.lists for each in plans), key=lambda own: own[-1].at_ms if own else -1)
    return Plans(switches, lists).only_now()


def releases_of(
    plans: Mapping[int, Plans], rows: Mapping[int, int], sequences: Ints, keys: Callable[[], Sequence[str]]
) -> dict[Choice, Ints | None]:
    """Return what decides some events, each with the rows that it decides, None for all.

    `rows`: partition -> how many of the events are its own, partition after partition; `keys`: returns what canaries are chosen by.
    """
    own = [plans[partition] for partition in rows]
    choices = {each.in_force for each in own} or {Choice(OWN)}
    if len(choices) == 1 and (only := choices.pop()) is not None:
        since = [each.since for each in own]
        if not any(first > FIRST for first in since) or _are_new(since, rows, sequences):
            return {only: None}
    chosen: dict[Choice, list[int]] = {}
    for row, choice in enumerate(_each(plans, rows, sequences.tolist(), keys())):
        chosen.setdefault(choice, []).append(row)
    return {choice: np.array(each, np.int64) for choice, each in chosen.items()}


def _are_new(since: Sequence[int], rows: Mapping[int, int], sequences: Ints) -> bool:
    """Tell whether no event came before what is in force in its partition."""
    if len(since) == 1:
        return not len(sequences) or int(sequences.min()) >= since[0]
    return bool((sequences >= np.repeat(since, [*rows.values()])).all())


def _each(
    plans: Mapping[int, Plans], rows: Mapping[int, int], sequences: Sequence[int], keys: Sequence[str]
) -> Iterator[Choice]:
    pairs: Any = zip(sequences, keys, strict=True)
    for partition, count in rows.items():
        own = plans[partition]
        for _ in range(count):
            sequence, key = next(pairs)
            yield own.choice(sequence, key)
