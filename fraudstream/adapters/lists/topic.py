"""Writes and reads the topic `lists`. All records are in its first partition, so their offsets are one order for all lists."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
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
AT_ONCE = 5_000


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


class OnLists:
    """What is on lists now; of entries only those of one list are kept, of the others their number."""

    def __init__(self, name: str | None) -> None:
        self._name = name
        self.listings: dict[str, Listing] = {}
        self.entries: dict[str, Listed] = {}
        self.numbers: dict[str, set[int]] = {}
        """For each list the hashes of what is on it."""
        self.revision = 0

    def take(self, change: Change, offset: int) -> None:
        """Take a record."""
        self.revision = offset + 1
        if change.value is None:
            self.listings.pop(change.name, None)
            if isinstance(change.said, Listing):
                self.listings[change.name] = change.said
        elif change.name == self._name:
            self.entries.pop(change.value, None)
            if isinstance(change.said, Listed):
                self.entries[change.value] = change.said
        own = self.numbers.setdefault(change.name, set())
        if change.value is not None:
            (own.add if change.said is not None else own.discard)(hash(change.value))

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
    def snoozes(self) -> list[str]:
        """The rules that are snoozed for some entities."""
        return [
            name.removeprefix(SNOOZE) for name, own in self.numbers.items() if own and name.startswith(SNOOZE)
        ]


async def read_table(settings: Settings) -> ListTable:
    """Read what is on all lists; snoozes are left out, because they are about workers and not about values."""
    table = ListTable()
    async for change, record in _changes(settings):
        if not change.name.startswith(SNOOZE):
            table.apply(change, record.offset, record.timestamp)
    return table


async def read(settings: Settings, name: str | None = None) -> OnLists:
    """Read all records; records that are none of ours are passed over, as by workers."""
    found = OnLists(name)
    async for change, record in _changes(settings):
        found.take(change, record.offset)
    return found


async def _changes(settings: Settings) -> AsyncIterator[tuple[Change, Record]]:
    await ensure_topics(settings)
    async with following(Kafka.of(settings), settings.topic(topics.LISTS.name), 1) as tail:
        async for records in tail.whole():
            for record in records:
                try:
                    yield parsed(record.key, record.value or None), record
                except SetupError:
                    continue
