"""Publishing whole micro-batches: every record batch is built first, then all leave together and are all awaited.

aiokafka allows one produce request per broker in flight, so building before sending puts decisions, alerts and the
changelog into one request. Idempotent and acks=all: what `publish` returned for is durable, once and in order.

Batches stay below their topic's size limit. One that is refused all the same is halved until a single record is left;
the caller says what goes instead of that. docs/reliability.md has the table of errors.
"""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Awaitable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from types import TracebackType
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, OutOfOrderSequenceNumber
from aiokafka.structs import RecordMetadata, TopicPartition

from fraudstream.adapters.failures import NOT_ALLOWED, RECORD, TOO_LARGE, not_authorised, of_kafka
from fraudstream.adapters.kafka.admin import limits_of
from fraudstream.adapters.kafka.broker_answers import BrokerAnswers
from fraudstream.adapters.kafka.outbox import (
    Acknowledged,
    Instead,
    Message,
    Outbox,
    ProduceResults,
    Refused,
    nothing_instead,
)
from fraudstream.adapters.kafka.own_clock import require_clock
from fraudstream.adapters.kafka.packing import Staged, packed
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.topic_limits import Limit, described, why_too_large
from fraudstream.domain.errors import SetupError
from fraudstream.domain.problems import Problem

__all__ = ["Acknowledged", "Instead", "Message", "Outbox", "ProduceResults", "Publisher", "Refused"]

logger = logging.getLogger(__name__)

BATCH_BYTES_MAX = 512 * 1024
"""Half the broker's default max.message.bytes; a micro-batch of one partition usually fits."""

RIGHTS_RETRY_S = 1.0
"""Wait between tries to write a topic whose rights were withdrawn."""


class Publisher:
    """Sends outboxes; one per worker, on the worker's event loop."""

    def __init__(self, kafka: Kafka, client_id: str, patience_s: float | None = None) -> None:
        """`patience_s`: how long `publish` waits for brokers and for withdrawn rights; None: for ever and not at all."""
        self._kafka = kafka
        self._client_id = client_id
        self._patience_s = patience_s
        self._producer: AIOKafkaProducer | None = None
        self._turn = asyncio.Lock()
        self._limits: dict[str, Limit] = {}
        self._unanswered: set[asyncio.Future[RecordMetadata]] = set()
        self._refused: list[Staged] = []
        self._mended: set[tuple[str, int]] = set()
        self._taken: set[str] = set()
        """Topics that have taken records: the right to write them was there."""
        self._answers = BrokerAnswers(kafka.bootstrap)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Connect; raises aiokafka's KafkaConnectionError if no broker answers."""
        self._producer = self._new_producer()
        self._answers.listen_to(self._producer)
        await self._producer.start()

    @property
    def producer(self) -> AIOKafkaProducer:
        """The connected producer."""
        assert self._producer is not None, "used before start()"
        return self._producer

    def _new_producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(**self._producer_settings())

    def _producer_settings(self) -> dict[str, Any]:
        return {
            **self._kafka.client,
            "client_id": self._client_id,
            "acks": "all",
            "enable_idempotence": True,
            "linger_ms": 0,
            "max_batch_size": BATCH_BYTES_MAX,
        }

    async def stop(self) -> None:
        """Flush and disconnect."""
        if self._producer is not None:
            await self._producer.stop()

    def problems(self) -> Iterator[Problem]:
        """Yield a problem for what publishing waits for."""
        return self._answers.problems()

    async def publish(self, outbox: Outbox, instead: Instead = nothing_instead) -> ProduceResults:
        """Publish everything and wait until the brokers have it; raises if any of it could not be delivered.

        On an error the caller must not acknowledge anything: some of the outbox may be published, none of it twice.
        """
        try:
            async with asyncio.timeout(self._patience_s):
                return await (await self.send(outbox, instead))
        except TimeoutError as error:
            raise self._answers.gave_up(self._patience_s or 0.0) from error

    async def send(self, outbox: Outbox, instead: Instead = nothing_instead) -> Awaitable[ProduceResults]:
        """Hand everything over for publishing and return what to await for the brokers' answer.

        Outboxes are written in the order of these calls, without waiting for the answers to earlier ones; only after a
        refused batch may later records come before it.
        """
        self._answers.asked()
        async with self._turn:
            staged = await self._staged(outbox, instead)
            for each in staged:
                await self._hand_over(each)
        return self._results(staged, instead)

    async def _staged(self, outbox: Outbox, instead: Instead) -> list[Staged]:
        """Pack everything into record batches; a record that is too large for its topic is replaced."""
        await self.learn({topic for topic, _ in outbox.messages} - self._limits.keys())
        by_place = [self._batches(*place, messages) for place, messages in outbox.messages.items()]
        batches = list(chain.from_iterable(by_place))
        await self.learn({each.topic for each in batches if self._too_large(each)})  # may have been raised
        staged = []
        for each in batches:
            if self._too_large(each):
                staged += await self._replaced(each, self._why_too_large(each), instead)
            else:
                staged.append(each)
        return staged

    def _batches(self, topic: str, partition: int, messages: Sequence[Message]) -> list[Staged]:
        """Pack one partition's messages into as many record batches as they need."""
        size = min(BATCH_BYTES_MAX, self._limits[topic].bytes_max)
        transactional = self.producer._txn_manager.transactional_id is not None
        return packed(topic, partition, messages, size, transactional)

    async def _hand_over(self, each: Staged) -> None:
        """Give a batch to aiokafka; an immediate error is treated like the brokers' answer."""
        try:
            each.answer = await self.producer.send_batch(each.batch, each.topic, partition=each.partition)
            each.numbered = True
        except KafkaError as error:
            each.answer = asyncio.get_running_loop().create_future()
            each.answer.set_exception(error)
        self._unanswered.add(each.answer)
        each.answer.add_done_callback(partial(self._answered, each))

    def _answered(self, each: Staged, answer: "asyncio.Future[RecordMetadata]") -> None:
        self._unanswered.discard(answer)
        if not answer.cancelled() and isinstance(error := answer.exception(), KafkaError):
            each.failed = error
            self._refused.append(each)

    async def _results(self, staged: list[Staged], instead: Instead) -> ProduceResults:
        """Wait for the brokers' answer to every record batch, and republish what they refused."""
        answers = await asyncio.gather(
            *(each.answer for each in staged if each.answer), return_exceptions=True
        )
        acknowledged: ProduceResults = defaultdict(list)
        failed = []
        for each, answer in zip(staged, answers, strict=True):
            if isinstance(answer, KafkaError):
                each.failed = answer
                failed.append(each)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                self._taken.add(each.topic)
                acknowledged[each.topic, each.partition].append(
                    Acknowledged(answer.offset, len(each.messages))
                )
        if failed:
            async with self._turn:
                await self._mend(failed, instead, acknowledged)
        self._answers.answered()
        return acknowledged

    async def _mend(self, failed: list[Staged], instead: Instead, acknowledged: ProduceResults) -> None:
        """Publish what was refused in another form, one batch after the other, in order."""
        while self._unanswered:  # batches sent after it are written, or refused because it is missing
            await asyncio.wait(self._unanswered)
        self._take_back()
        pending = deque[Staged]()
        for each in failed:
            place = each.topic, each.partition
            if isinstance(each.failed, OutOfOrderSequenceNumber) and place in self._mended:
                pending.extend(self._batches(each.topic, each.partition, each.messages))
            else:
                pending.extend(await self._parts(each, instead))
            self._mended.add(place)
        while pending:
            each = pending.popleft()
            await self._hand_over(each)
            assert each.answer is not None
            with suppress(KafkaError):
                metadata = await each.answer
                self._taken.add(each.topic)
                acknowledged[each.topic, each.partition].append(
                    Acknowledged(metadata.offset, len(each.messages))
                )
                continue
            each.failed = each.answer.exception()
            self._take_back()
            pending.extendleft(reversed(await self._parts(each, instead)))

    def _take_back(self) -> None:
        """Give back the sequence numbers of refused batches, for those that come instead.

        aiokafka goes on counting, and the broker would refuse everything that follows as out of order. A test checks this.
        """
        for each in self._refused:
            if each.numbered:
                place = TopicPartition(each.topic, each.partition)
                self.producer._txn_manager.increment_sequence_number(place, -len(each.messages))
        self._refused.clear()

    async def _parts(self, each: Staged, instead: Instead) -> list[Staged]:
        """Return what to publish in place of a refused batch; raises the error if nothing can be."""
        assert each.failed is not None
        if isinstance(each.failed, NOT_ALLOWED):
            await self._until_allowed(each.topic, each.failed)
            return self._batches(each.topic, each.partition, each.messages)
        if of_kafka(each.failed) != RECORD:
            raise each.failed
        require_clock(each.topic, each.messages, each.failed)
        if isinstance(each.failed, TOO_LARGE):
            await self._lower(each)
        if len(each.messages) == 1:
            why = f"topic {each.topic} refuses a record ({each.failed})", described(each.topic)
            if isinstance(each.failed, TOO_LARGE):
                why = self._why_too_large(each)
            return await self._replaced(each, why, instead)
        middle = len(each.messages) // 2
        halves = each.messages[:middle], each.messages[middle:]
        return [part for half in halves for part in self._batches(each.topic, each.partition, half)]

    async def _lower(self, each: Staged) -> None:
        """Ask for the limit again; if the topic's configuration does not explain the refusal, take half the refused size."""
        topic, size = each.topic, each.batch.size()
        await self.learn({topic})
        limit = self._limits[topic]
        if limit.bytes_max >= size and len(each.messages) > 1:
            limit = self._limits[topic] = Limit(size // 2, limit.said_by)
        logger.warning("topic %s refuses a batch of %s bytes; its limit is %s", topic, size, limit.bytes_max)

    async def learn(self, topics: Collection[str]) -> None:
        """Ask for these topics' size limits and leaders: a quota that delays a record delays later questions, too."""
        if topics:
            await self.know(await limits_of(self._kafka, topics))
            for topic in topics - self._limits.keys():
                raise SetupError(f"there is no topic {topic}; make it with: fraudstream topics create")

    async def know(self, limits: Mapping[str, Limit]) -> None:
        """Take topics' limits as given, and ask for their leaders."""
        await asyncio.gather(*map(self.producer.client.add_topic, limits))
        self._limits |= limits

    def _too_large(self, each: Staged) -> bool:
        """Whether this is a single record that is larger than its topic takes."""
        return len(each.messages) == 1 and each.batch.size() > self._limits[each.topic].bytes_max

    def _why_too_large(self, each: Staged) -> tuple[str, str]:
        return why_too_large(each.topic, each.batch.size(), self._limits[each.topic])

    async def _replaced(self, each: Staged, why: tuple[str, str], instead: Instead) -> list[Staged]:
        """Return what the caller publishes instead of a single record."""
        outbox = Outbox()
        for topic, partition, message in instead(Refused(each.topic, each.partition, each.messages[0], *why)):
            outbox.add(topic, partition, message)
        return await self._staged(outbox, instead)

    async def _until_allowed(self, topic: str, error: KafkaError) -> None:
        """Wait a moment for rights that were there before; `publish` bounds the time. Raises if they never were."""
        refusal = not_authorised(f"write topic {topic}", error)
        if topic not in self._taken or self._patience_s is None:
            raise refusal
        self._answers.refused(refusal)
        await asyncio.sleep(RIGHTS_RETRY_S)
