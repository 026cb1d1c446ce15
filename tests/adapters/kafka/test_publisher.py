"""What a topic does not take, against a real broker: batches shrink, single records are set aside, all else arrives once."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import MessageSizeTooLargeError, OutOfOrderSequenceNumber
from aiokafka.producer.message_accumulator import BatchBuilder

from fraudstream.adapters.kafka.outbox import Instead, Message, Outbox, Refused
from fraudstream.adapters.kafka.publisher import Publisher
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.transactions import Transaction
from fraudstream.domain.errors import BrokerUnavailable, SetupError
from fraudstream.settings import Settings
from fraudstream.topics import outputs
from tests.chaos.wrong_clock import stamp_records
from tests.end_to_end.harness import read_all, read_all_committed
from tests.topic_settings import configure

LIMIT = 20_000


@pytest.fixture
async def publisher(kafka_settings: Settings) -> AsyncIterator[Publisher]:
    """Yield a connected publisher."""
    async with Publisher(Kafka.of(kafka_settings), "test") as made:
        yield made


def outbox_of(settings: Settings, name: str, values: list[bytes], **given: int) -> Outbox:
    """Return an outbox for partition 1 of a topic."""
    outbox = Outbox()
    outbox.extend(settings.topic(name), 1, [Message(None, value, **given) for value in values])
    return outbox


def numbered(numbers: range, size: int = 500) -> list[bytes]:
    """Return distinct values of a size."""
    return [b"%d " % number + b"." * size for number in numbers]


async def values_in(settings: Settings, name: str) -> list[bytes]:
    """Return the values of a topic in partition 1, in order."""
    return [record.value or b"" for record in await read_all(settings, name) if record.partition == 1]


async def test_what_has_been_learnt_of_a_topic_is_not_asked_for_when_it_is_written(
    kafka_settings: Settings, publisher: Publisher
) -> None:
    """While a broker delays a record because of a quota, it answers nothing else on that connection, and aiokafka forgets the other topics."""
    names = outputs(kafka_settings)
    await publisher.learn(names)
    client = publisher.producer.client
    await client.add_topic(kafka_settings.topic("labels"))

    assert names == {name for name in names if client.cluster.partitions_for_topic(name)}


async def test_a_backlog_goes_out_in_batches_below_the_topics_limit(
    kafka_settings: Settings, publisher: Publisher
) -> None:
    """6,000 decisions of one partition are many times what it takes at once."""
    await configure(kafka_settings, kafka_settings.topic("decisions"), max_message_bytes=131_072)
    sent = numbered(range(6000))
    results = await publisher.publish(outbox_of(kafka_settings, "decisions", sent))

    assert sent == await values_in(kafka_settings, "decisions")
    assert 6000 == sum(each.records for each in results[kafka_settings.topic("decisions"), 1])


async def test_batches_refused_after_a_limit_was_lowered_are_halved(
    kafka_settings: Settings, publisher: Publisher
) -> None:
    """Everything arrives once and in order, and what comes after it stays below at once."""
    first, second, third = numbered(range(400)), numbered(range(400, 900)), numbered(range(900, 1000))
    await publisher.publish(outbox_of(kafka_settings, "decisions", first))
    await configure(kafka_settings, kafka_settings.topic("decisions"), max_message_bytes=LIMIT)
    await publisher.publish(outbox_of(kafka_settings, "decisions", second))
    await publisher.publish(outbox_of(kafka_settings, "decisions", third))

    assert first + second + third == await values_in(kafka_settings, "decisions")


async def test_outboxes_behind_a_refused_one_arrive_too(
    kafka_settings: Settings, publisher: Publisher
) -> None:
    """Senders of payments do not wait for answers; the order of the first refused ones may change."""
    await publisher.publish(outbox_of(kafka_settings, "decisions", numbered(range(10))))
    await configure(kafka_settings, kafka_settings.topic("decisions"), max_message_bytes=LIMIT)
    parts = [numbered(range(start, start + 100)) for start in range(10, 1010, 100)]
    answers = [await publisher.send(outbox_of(kafka_settings, "decisions", part)) for part in parts]
    await asyncio.gather(*answers)
    arrived = await values_in(kafka_settings, "decisions")

    assert sorted(numbered(range(1010))) == sorted(arrived)


async def test_a_batch_above_the_segment_size_is_halved_too(
    kafka_settings: Settings, publisher: Publisher
) -> None:
    """RecordListTooLargeError: another limit, of the same kind."""
    await publisher.publish(outbox_of(kafka_settings, "decisions", numbered(range(10))))
    await configure(
        kafka_settings, kafka_settings.topic("decisions"), segment_bytes=1 << 20, max_message_bytes=1 << 21
    )
    await publisher.publish(outbox_of(kafka_settings, "decisions", numbered(range(10, 6000))))

    assert numbered(range(6000)) == await values_in(kafka_settings, "decisions")


@pytest.mark.parametrize("known", [True, False], ids=["known at the start", "found out"])
async def test_one_record_that_no_batch_can_hold_is_replaced_and_the_others_arrive(
    kafka_settings: Settings, publisher: Publisher, known: bool
) -> None:
    """The sentence has its size, the topic and the limit."""
    small, large = numbered(range(100)), b"x" * (LIMIT + 1000)
    if not known:
        await publisher.publish(outbox_of(kafka_settings, "decisions", [b"before"]))
    await configure(kafka_settings, kafka_settings.topic("decisions"), max_message_bytes=LIMIT)
    said: list[Refused] = []

    def instead(refused: Refused) -> list[tuple[str, int, Message]]:
        said.append(refused)
        return [(kafka_settings.topic("dead-letters"), 1, Message(None, b"in its place"))]

    await publisher.publish(
        outbox_of(kafka_settings, "decisions", [*small[:50], large, *small[50:]]), instead
    )
    before = [] if known else [b"before"]

    assert before + small == await values_in(kafka_settings, "decisions")
    assert [b"in its place"] == await values_in(kafka_settings, "dead-letters")
    assert f"topic {kafka_settings.topic('decisions')} accepts (max.message.bytes={LIMIT})" in said[0].why
    assert [large] == [refused.message.value for refused in said]


async def test_a_record_that_nothing_can_replace_is_a_sentence_with_topic_limit_and_remedy(
    kafka_settings: Settings, publisher: Publisher
) -> None:
    """A caller that names no replacement gets an error."""
    topic = kafka_settings.topic("decisions")
    await configure(kafka_settings, topic, max_message_bytes=LIMIT)
    sentence = f"larger than topic {topic} accepts .max.message.bytes={LIMIT}.; change it with: kafka-configs --alter"
    with pytest.raises(SetupError, match=sentence):
        await publisher.publish(outbox_of(kafka_settings, "decisions", [b"x" * LIMIT]))


async def test_only_the_record_with_a_time_that_the_topic_refuses_is_set_aside(
    kafka_settings: Settings, publisher: Publisher
) -> None:
    """InvalidTimestampError of a batch: the record is found by halving, and those beside it arrive."""
    await configure(
        kafka_settings, kafka_settings.topic("decisions"), message_timestamp_before_max_ms=3_600_000
    )
    now_ms = round(time.time() * 1000)
    messages = [Message(None, b"%d" % n, now_ms - (7_200_000 if n == 5 else 0)) for n in range(9)]
    outbox = Outbox()
    outbox.extend(kafka_settings.topic("decisions"), 1, messages)
    gone: list[Refused] = []

    def leave_out(refused: Refused) -> list[tuple[str, int, Message]]:
        gone.append(refused)
        return []

    await publisher.publish(outbox, leave_out)

    assert [b"%d" % n for n in range(9) if n != 5] == await values_in(kafka_settings, "decisions")
    assert [(b"5", True)] == [(each.message.value, "InvalidTimestampError" in each.why) for each in gone]


async def test_a_wrong_clock_makes_no_record_a_dead_letter(
    kafka_settings: Settings, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The brokers would refuse every record with a time of this clock, so the publisher waits until somebody has set it."""
    monkeypatch.setattr(BatchBuilder, "append", BatchBuilder.append)  # undone at the end
    stamp_records(lambda: time.time() + 90_000)
    gone: list[Refused] = []

    def leave_out(refused: Refused) -> list[tuple[str, int, Message]]:
        gone.append(refused)
        return []

    with pytest.raises(BrokerUnavailable, match="correct the clock that is wrong, here or on the brokers"):
        await publisher.publish(outbox_of(kafka_settings, "decisions", [b"a", b"b", b"c"]), leave_out)

    assert [] == gone
    assert [] == await values_in(kafka_settings, "decisions")


async def test_only_the_record_without_a_key_is_set_aside_in_a_compacted_topic(
    kafka_settings: Settings, publisher: Publisher
) -> None:
    """INVALID_RECORD, which aiokafka does not know: without its name the worker would crash at every start."""
    await configure(kafka_settings, kafka_settings.topic("decisions"), cleanup_policy="compact")
    outbox = Outbox()
    topic = kafka_settings.topic("decisions")
    outbox.extend(topic, 1, [Message(b"a", b"1"), Message(None, b"2"), Message(b"c", b"3")])
    gone: list[Refused] = []

    def leave_out(refused: Refused) -> list[tuple[str, int, Message]]:
        gone.append(refused)
        return []

    await publisher.publish(outbox, leave_out)

    assert [b"1", b"3"] == await values_in(kafka_settings, "decisions")
    assert [(b"2", True)] == [(each.message.value, "InvalidRecord" in each.why) for each in gone]
    assert gone[0].remedy.endswith(f"with: fraudstream topics describe {topic}")


async def test_a_refused_batch_is_halved_within_its_transaction(kafka_settings: Settings) -> None:
    """The offsets are committed with it, and the next transaction follows."""
    topic = kafka_settings.topic("decisions")
    transaction = Transaction(Kafka.of(kafka_settings), kafka_settings.app_id, kafka_settings.app_id, None)
    await transaction.start()
    nothing: Instead = lambda refused: []  # noqa: E731
    sent = [numbered(range(start, start + 300)) for start in (0, 300, 600)]
    for number, values in enumerate(sent):
        source = TopicPartition(kafka_settings.topic("transactions"), 1)
        await transaction.commit(
            outbox_of(kafka_settings, "decisions", values), {source: number + 1}, nothing
        )
        await configure(kafka_settings, topic, max_message_bytes=LIMIT)
    await transaction.stop()
    async with AIOKafkaConsumer(
        **Kafka.of(kafka_settings).client, group_id=kafka_settings.app_id, enable_auto_commit=False
    ) as reader:
        committed = await reader.committed(TopicPartition(kafka_settings.topic("transactions"), 1))
    published = await read_all_committed(kafka_settings, "decisions")

    assert [value for values in sent for value in values] == [record.value for record in published]
    assert 3 == committed


async def test_aiokafka_counts_on_after_a_refusal(kafka_settings: Settings) -> None:
    """A learning test: why the publisher gives sequence numbers back."""
    topic = kafka_settings.topic("decisions")
    await configure(kafka_settings, topic, max_message_bytes=LIMIT)

    async def send(producer: AIOKafkaProducer, size: int) -> None:
        batch = producer.create_batch()
        batch.append(timestamp=None, key=None, value=b"x" * size)
        await (await producer.send_batch(batch, topic, partition=1))

    async with AIOKafkaProducer(
        **Kafka.of(kafka_settings).client, enable_idempotence=True, max_batch_size=1 << 20
    ) as producer:
        await send(producer, 10)
        with pytest.raises(MessageSizeTooLargeError):
            await send(producer, LIMIT)
        with pytest.raises(OutOfOrderSequenceNumber):
            await send(producer, 10)
        producer._txn_manager.increment_sequence_number(TopicPartition(topic, 1), -2)
        await send(producer, 10)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"min_insync_replicas": 2}, "min.insync.replicas=2, but it has 1 replicas"),
        ({"max_message_bytes": 300}, "accepts at most 300 bytes .max.message.bytes=300."),
    ],
    ids=["too few replicas", "no record fits"],
)
async def test_a_topic_that_cannot_be_written_is_a_sentence_at_the_start(
    kafka_settings: Settings, publisher: Publisher, config: dict[str, int], sentence: str
) -> None:
    """aiokafka would try for ever."""
    await configure(kafka_settings, kafka_settings.topic("decisions"), **config)
    with pytest.raises(SetupError, match=sentence):
        await publisher.publish(outbox_of(kafka_settings, "decisions", [b"1"]))
