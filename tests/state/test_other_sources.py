"""Source logs that are deleted and recreated: they are compared with what group and state remember, also while a worker runs."""

from collections.abc import Iterable

import pytest
from aiokafka import AIOKafkaProducer

from fraudstream.adapters.kafka.log_losses import LogLosses
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings
from fraudstream.state import preflight
from fraudstream.state.adopt import adopt_sources
from fraudstream.state.preflight import LogCheck
from tests.end_to_end.harness import produce
from tests.end_to_end.other_logs import committed, made_anew, moved
from tests.end_to_end.test_worker import encoded, payments
from tests.state.test_looks import decided


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat a failed check soon."""
    monkeypatch.setattr(preflight, "CONFIRM_AFTER_S", 0.1)


async def repartition(settings: Settings, numbers: Iterable[int]) -> None:
    """Write to the repartitioned topic, as workers do."""
    async with AIOKafkaProducer(**Kafka.of(settings).client) as producer:
        for number in numbers:
            value = b'{"cc_num": 4006080000000000, "amount": %d}' % (1 + number)
            await producer.send_and_wait(settings.topic("transactions-by-card"), value, partition=0)


@pytest.mark.parametrize(
    ("payments_now", "why"), [(20, "but the log ends at"), (3000, "has another payment than the log")]
)
async def test_a_recreated_source_is_refused_while_it_is_decided(
    kafka_settings: Settings, payments_now: int, why: str
) -> None:
    """Shorter than the state remembers, or longer: then its payments are others."""
    remembered = await decided(kafka_settings)
    check = LogCheck(kafka_settings, LogLosses())
    await check.while_running(remembered)
    await made_anew(kafka_settings, kafka_settings.topic("transactions"))
    await produce(kafka_settings, [encoded(payment) for payment in payments(payments_now, seed=72)])

    with pytest.raises(SetupError, match=f"{why}.*fraudstream state adopt"):
        await check.while_running(remembered)
    await check.close()


async def test_a_repartitioned_topic_made_anew_while_its_offsets_are_kept_is_refused_and_decided_from_its_beginning(
    kafka_settings: Settings,
) -> None:
    """As after a restore: nobody repartitions while no worker runs, so it is shorter than the group remembers."""
    topic = kafka_settings.topic("transactions-by-card")
    remembered = await decided(kafka_settings)
    await repartition(kafka_settings, range(5))
    await moved(kafka_settings, topic, {0: 5})
    check = LogCheck(kafka_settings, LogLosses())
    assert set() == await check.before_recovery(remembered)
    await made_anew(kafka_settings, topic)
    await moved(kafka_settings, topic, {0: 5})
    await repartition(kafka_settings, range(2))

    for look in (check.before_recovery, check.while_running):
        with pytest.raises(
            SetupError, match=f"has decided {topic}, partition 0, up to offset 5, but the log ends at 2"
        ):
            await look(remembered)
    (adopted,) = await adopt_sources(kafka_settings, at_end=False)
    assert (topic, 0, 5, 0) == adopted[:4]
    assert not adopted.state_given_up
    assert 0 == (await committed(kafka_settings, topic))[0]
    assert set() == await check.before_recovery(remembered)


async def test_a_repartitioned_topic_made_anew_as_kafka_does_it_begins_again(
    kafka_settings: Settings,
) -> None:
    """With the topic its offsets go: what is in it is decided from its beginning, and nothing is wrong."""
    topic = kafka_settings.topic("transactions-by-card")
    remembered = await decided(kafka_settings)
    await repartition(kafka_settings, range(5))
    await moved(kafka_settings, topic, {0: 5})
    await made_anew(kafka_settings, topic)

    assert set() == await LogCheck(kafka_settings, LogLosses()).before_recovery(remembered)
    assert (await committed(kafka_settings, topic))[0] is None
