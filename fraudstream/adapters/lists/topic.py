"""Writes and reads the topic `lists`. All records are in its first partition, so their offsets are one order for all lists."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice

from fraudstream import topics
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.adapters.kafka.outbox import Message, Outbox
from fraudstream.adapters.kafka.publisher import Publisher
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.tail import Record, following
from fraudstream.domain.errors import SetupError
from fraudstream.domain.lists.entries import SNOOZE, Change, Listed, Listing, parsed
from fraudstream.domain.lists.table import ListTable
from fraudstream.domain.names import did_you_mean
from fraudstream.settings import Settings

PARTITION = 0
PATIENCE_S = 30.0
HELD_S = 0.5
"""How long the brokers hold an answer for whoever follows the topic; a record is answered at once."""
AT_ONCE = 5_000
ALIKE_MAX = 10_000
"""How many entries are remembered in case that further ones are equal to them."""


@asynccontextmanager
async def writing(settings: Settings) -> AsyncIterator[Publisher]:
    """Create missing topics and yield what publishes; raises SetupError if no broker answers."""
    await ensure_topics(settings)
    async with Publisher(Kafka.of(settings), f"{settings.app_id}-lists", PATIENCE_S) as publisher:
        await publisher.learn([settings.topic(topics.LISTS.name)])
        yield publisher


async def write(publisher: Publisher, settings: Settings, changes: Iterable[Change]) -> AsyncIterator[int]:
    """Publish changes in their order, some thousands at a time; yield how many were acknowledged."""
    remaining = iter(changes)
    while some := list(islice(remaining, AT_ONCE)):
        outbox = Outbox()
        for change in some:
            outbox.add(
                settings.topic(topics.LISTS.name), PARTITION, Message(change.key, change.content or b"")
            )
        await publisher.publish(outbox)
        yield len(some)


@dataclass(frozen=True, slots=True)
class OnLists:
    """What was on lists at a moment: how much on each, and the entries of one."""

    listings: Mapping[str, Listing] = field(default_factory=dict)
    entries: Mapping[str, Listed] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)
    """How much is on each list, also on those that were removed and on snoozes."""
    revision: int = 0

    def listing(self, name: str) -> Listing:
        """Return what a list is; raises SetupError that suggests the nearest name."""
        if name not in self.listings:
            known = [*self.listings]
            raise SetupError(
                f"there is no list {name!r}{did_you_mean(name, known)}; there are {', '.join(known) or 'none'}; "
                "make one with: fraudstream lists create"
            )
        return self.listings[name]

    @property
    def snoozes(self) -> dict[str, int]:
        """The rules that are snoozed, and for how many entities."""
        return {
            name.removeprefix(SNOOZE): number
            for name, number in self.numbers.items()
            if number and name.startswith(SNOOZE)
        }


class Taken:
    """The records of the topic, taken one by one."""

    def __init__(self, keeps: Callable[[str], bool]) -> None:
        """`keeps`: of which lists the entries are kept; of others only hashes are, to know how many there are."""
        self._keeps = keeps
        self._listings: dict[str, Listing] = {}
        self._entries: dict[str, dict[str, Listed]] = {}
        self._hashes: dict[str, set[int]] = {}
        self._alike: dict[Listed, Listed] = {}
        self._revision = 0

    def take(self, change: Change, offset: int) -> None:
        """Take a record."""
        self._revision = offset + 1
        name, value, said = change
        if value is None:
            self._listings.pop(name, None)
            if isinstance(said, Listing):
                self._listings[name] = said
        elif self._keeps(name):
            own = self._entries.setdefault(name, {})
            own.pop(value, None)
            if isinstance(said, Listed):
                own[value] = self._shared(said)
        else:
            hashes = self._hashes.setdefault(name, set())
            (hashes.discard if said is None else hashes.add)(hash(value))

    def _shared(self, said: Listed) -> Listed:
        """Return an entry that is equal: those of an import are one, which saves most of their memory."""
        if len(self._alike) >= ALIKE_MAX:
            self._alike.clear()
        return self._alike.setdefault(said, said)

    def on(self, name: str | None) -> OnLists:
        """Return what is on lists by now, and the entries of one of them if it is kept."""
        numbers = {each: len(own) for kept in (self._entries, self._hashes) for each, own in kept.items()}
        entries = {} if name is None else dict(self._entries.get(name, {}))
        return OnLists(dict(self._listings), entries, numbers, self._revision)


async def read_table(settings: Settings) -> ListTable:
    """Read what is on all lists; snoozes are left out, because they are about workers and not about values."""
    table = ListTable()
    async for change, record in _changes(settings):
        if not change.name.startswith(SNOOZE):
            table.apply(change, record.offset, record.timestamp)
    return table


async def read(settings: Settings, name: str | None = None) -> OnLists:
    """Read all records; records that are none of ours are passed over, as by workers."""
    taken = Taken(lambda each: each == name)
    async for change, record in _changes(settings):
        taken.take(change, record.offset)
    return taken.on(name)


async def _changes(settings: Settings) -> AsyncIterator[tuple[Change, Record]]:
    await ensure_topics(settings)
    async with following(Kafka.of(settings), settings.topic(topics.LISTS.name), 1) as tail:
        async for records in tail.whole():
            for record in records:
                try:
                    yield parsed(record.key, record.value or None), record
                except SetupError:
                    continue
