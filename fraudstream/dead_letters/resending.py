"""Sends records of dead letters again, each once, whoever asks how often and is killed when.

1. A producer with the one transactional id of re-sends begins: from then on no other that began before can commit.
2. What is about to be sent is noted in the database, with the end of its partition.
3. What was noted before without an end is looked for from there, by a header; what is found is not sent again.
4. The records are sent in one Kafka transaction, and their new places are noted.

docs/decisions/0044-resent-once.md
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, ProducerFenced

from fraudstream import topics
from fraudstream.adapters.database.resends import Resends
from fraudstream.adapters.failures import kafka_error
from fraudstream.adapters.kafka.browsing import Browsing, browsing
from fraudstream.adapters.kafka.partition_logs import Record
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.dead_letters.letters import Letter, key_of
from fraudstream.deciding.records import OURS, RESENT_HEADER, source_of
from fraudstream.domain.errors import BrokerUnavailable, SetupError
from fraudstream.settings import Settings

AT_ONCE_MAX = 500
"""So many letters are sent again in one go."""

ANSWER_S = 120.0
SETTLED_S, SETTLED_POLL_S = 60.0, 0.2
"""How long a transaction of somebody else may keep us from seeing the end of a partition."""

REQUEST_BYTES_MAX = 100 * 1024 * 1024
"""The topic has taken the record before, so it decides what is too large, not we."""


@dataclass(frozen=True, slots=True)
class Resent:
    """What became of one letter's record."""

    letter: Letter
    offset: int | None = None
    """Where it lies now, in the partition where it was."""
    refused: str = ""
    """Why it was not sent."""
    before: bool = False
    """Whether it had been sent before."""


@dataclass(frozen=True, slots=True)
class _Original:
    """A record at its first place."""

    record: Record

    @property
    def key(self) -> str:
        """By what its re-send is noted."""
        record = self.record
        return key_of(record.topic, record.partition, record.offset, record.timestamp)

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        """Its headers without ours, and the one by which it is recognised."""
        kept = [(name, value) for name, value in self.record.headers if not name.startswith(OURS)]
        return [*kept, (RESENT_HEADER, self.key.encode())]


class Resender:
    """Sends records again."""

    def __init__(self, settings: Settings, resends: Resends) -> None:
        self._settings = settings
        self._kafka = Kafka.of(settings)
        self._resends = resends

    async def resend(self, letters: Sequence[Letter], person: str) -> list[Resent]:
        """Send the records of some letters again, in the order of the letters; raises what Kafka or the database say.

        After an error nothing, or everything that could be, was sent; asking again finds out which.
        """
        results = {letter.id: Resent(letter, refused=letter.why_not) for letter in letters}
        wanted = [letter for letter in letters if not letter.why_not][:AT_ONCE_MAX]
        for letter in letters[AT_ONCE_MAX:]:
            results[letter.id] = Resent(
                letter, refused=f"{AT_ONCE_MAX} are sent at once; ask again for the rest"
            )
        try:
            async with browsing(self._kafka, ANSWER_S) as browser:
                originals = await self._originals(browser, wanted, results)
                if originals:
                    offsets, before = await self._sent(browser, list(originals.values()), person)
                    for letter_id, original in originals.items():
                        offset, again = offsets[original.key], original.key in before
                        results[letter_id] = Resent(results[letter_id].letter, offset, before=again)
        except ProducerFenced as error:
            raise BrokerUnavailable(
                "somebody else sends records again at this moment; ask once more"
            ) from error
        except KafkaError as error:
            raise kafka_error("records could not be sent again", error) from error
        return [results[letter.id] for letter in letters]

    async def _originals(
        self, browser: Browsing, letters: Sequence[Letter], results: dict[str, Resent]
    ) -> dict[str, _Original]:
        """Read the records of letters at their first place; note why those that are missing cannot be sent."""
        found = {}
        for letter in letters:
            said = letter.said
            record = await browser.at(said.topic, said.partition, said.offset)
            if record is not None and said.topic == self._settings.topic(topics.REPARTITIONED.name):
                first = _first_place(record, self._settings.topic(topics.TRANSACTIONS.name))
                record = None if first is None else await browser.at(*first)
            if record is None:
                results[letter.id] = Resent(letter, refused="its record is no longer in Kafka")
            else:
                found[letter.id] = _Original(record)
        return found

    async def _sent(
        self, browser: Browsing, originals: Sequence[_Original], person: str
    ) -> tuple[Mapping[str, int], Collection[str]]:
        """Return where the records lie, by key, and which of them had been sent before."""
        async with _only_producer(self._kafka, topics.resending(self._settings)) as producer:
            by_key = {original.key: original for original in originals}
            places = {TopicPartition(each.record.topic, each.record.partition) for each in originals}
            ends = await self._ends(places)
            new = await asyncio.to_thread(
                self._resends.begin,
                {key: ends[each.record.topic, each.record.partition] for key, each in by_key.items()},
                person,
            )
            known = await asyncio.to_thread(self._resends.of, by_key.keys() - new)
            before = {key: row.sent_offset for key, row in known.items() if row.sent_offset is not None}
            lost = {key: row.from_offset for key, row in known.items() if row.sent_offset is None}
            recovered = await self._looked_for(browser, {key: (by_key[key], at) for key, at in lost.items()})
            now = [each for key, each in by_key.items() if key not in before and key not in recovered]
            sent = await _published(producer, now)
        await asyncio.to_thread(self._resends.end, recovered | sent)
        return before | recovered | sent, {*before, *recovered}

    async def _ends(self, places: Collection[TopicPartition]) -> dict[tuple[str, int], int]:
        """Return the ends of partitions, committed or not."""
        consumer = AIOKafkaConsumer(**self._kafka.client, group_id=None, enable_auto_commit=False)
        await consumer.start()
        try:
            return {tuple(place): end for place, end in (await consumer.end_offsets(list(places))).items()}
        finally:
            await consumer.stop()

    async def _looked_for(
        self, browser: Browsing, lost: Mapping[str, tuple[_Original, int]]
    ) -> dict[str, int]:
        """Return the offsets of those records that were sent by somebody who could not note it any more."""
        starts: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
        for original, start in lost.values():
            starts[original.record.topic, original.record.partition].append(start)
        found: dict[str, int] = {}
        for (topic, partition), each in starts.items():
            await self._settled(browser, topic, partition)
            if (await browser.spans(topic, [partition]))[partition].begin > min(each):
                raise SetupError(
                    f"a re-send to {topic} was begun and not finished, and what came after it is no longer in Kafka: nobody can tell "
                    "whether it was sent; leave out what was begun (dead-letters list shows it)"
                )
            async for record in browser.all_after(topic, partition, min(each)):
                key = next((value.decode() for name, value in record.headers if name == RESENT_HEADER), "")
                if key in lost:
                    found[key] = record.offset
        return found

    async def _settled(self, browser: Browsing, topic: str, partition: int) -> None:
        """Wait until everything that is in a partition now can be read: another's open transaction hides what is after it."""
        place = TopicPartition(topic, partition)
        end = (await self._ends([place]))[topic, partition]
        try:
            async with asyncio.timeout(SETTLED_S):
                while True:
                    if (await browser.spans(topic, [partition]))[partition].end >= end:
                        return
                    await asyncio.sleep(SETTLED_POLL_S)
        except TimeoutError:
            raise BrokerUnavailable(
                f"a producer's transaction is open in {topic}, so nobody can tell what was sent; ask again later"
            ) from None


@asynccontextmanager
async def _only_producer(kafka: Kafka, transactional_id: str) -> AsyncIterator[AIOKafkaProducer]:
    """Yield a producer; all that began before with this id are fenced off, their transactions committed or aborted."""
    producer = AIOKafkaProducer(
        **kafka.client,
        transactional_id=transactional_id,
        acks="all",
        max_request_size=REQUEST_BYTES_MAX,
    )
    await producer.start()
    try:
        await producer.begin_transaction()  # waits for the producer id, which the fence is part of
        await producer.commit_transaction()
        yield producer
    finally:
        await producer.stop()


async def _published(producer: AIOKafkaProducer, originals: Sequence[_Original]) -> dict[str, int]:
    """Send records to where they were, with key, headers and timestamp, in one transaction; return their offsets."""
    if not originals:
        return {}
    waiting = {}
    async with producer.transaction():
        for original in originals:
            record = original.record
            waiting[original.key] = await producer.send(
                record.topic,
                record.value,
                record.key,
                record.partition,
                record.timestamp,
                original.headers,
            )
    return {key: (await sent).offset for key, sent in waiting.items()}


def _first_place(record: Record, topic: str) -> tuple[str, int, int] | None:
    """Return where a repartitioned record was first; None if it was one event of several, or nothing says where."""
    found = re.fullmatch(rf"{re.escape(topic)}-(\d+)-(\d+)", source_of(record))
    return found and (topic, int(found[1]), int(found[2]))
