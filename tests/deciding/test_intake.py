"""What a repartitioned record keeps of the one that came in, whatever the broker writes into it."""

import pytest
from aiokafka.structs import ConsumerRecord

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.kafka.publisher import Message
from fraudstream.deciding.dead_letters import DeadLetters
from fraudstream.deciding.intake import Intake
from fraudstream.deciding.records import Record, repartitioned
from fraudstream.domain.events.parser import Parser
from fraudstream.domain.tokens import EntityIndex, Tokenizer, partition_of

NOON_MS = 1_580_558_400_000
HALF_AN_HOUR_MS = 1_800_000
CARD = "4006080197832643"
HOME = partition_of(CARD, 4)
TIMELESS = b'{"cc_num": %s, "amount": 1}' % CARD.encode()


@pytest.fixture
def intake() -> Intake:
    """Return the worker's own intake."""
    return Intake(Parser(event_type_named("card"), EntityIndex(Tokenizer(bytes(32)), 4), 60_000))


def arrived(
    message: Message, timestamp_ms: int, topic: str = "transactions-by-card", partition: int = HOME
) -> Record:
    """Return a record as a broker hands it out that wrote `timestamp_ms` into it."""
    headers = tuple(message.headers)
    return ConsumerRecord(topic, partition, 7, timestamp_ms, 1, None, message.value, None, 0, 0, headers)


def sent_on(intake: Intake) -> Message:
    """Return a payment without a time of its own, sent at noon to a wrong partition, as it is repartitioned."""
    elsewhere = arrived(Message(None, TIMELESS), NOON_MS, "transactions", HOME - 1)
    ((card, record),) = intake.parse([elsewhere]).to_repartition
    return repartitioned(card, record)


def test_a_repartitioned_payment_keeps_its_time_though_the_broker_writes_its_own(intake: Intake) -> None:
    """The decision is made for noon, and counts the queue since noon."""
    payments, records = intake.parse([arrived(sent_on(intake), NOON_MS + HALF_AN_HOUR_MS)]).valid

    assert [NOON_MS] == [payment.event_time_ms for payment in payments]
    assert [NOON_MS] == [record.timestamp for record in records]


def test_it_keeps_it_when_it_is_repartitioned_once_more(intake: Intake) -> None:
    """After the topics have grown, for example."""
    stranded = arrived(sent_on(intake), NOON_MS + HALF_AN_HOUR_MS, partition=HOME - 1)
    ((card, record),) = intake.parse([stranded]).to_repartition
    payments, _ = intake.parse([arrived(repartitioned(card, record), NOON_MS + 2 * HALF_AN_HOUR_MS)]).valid

    assert [NOON_MS] == [payment.event_time_ms for payment in payments]


def test_a_dead_letter_says_when_the_record_first_came(intake: Intake) -> None:
    """Also one that is made of the record as the broker has it."""
    record = arrived(sent_on(intake), NOON_MS + HALF_AN_HOUR_MS)

    assert NOON_MS == DeadLetters().letter(record, "poison", "").timestamp


@pytest.mark.parametrize("value", [None, b"", b"noon", b"-1", b"1e12", b"9" * 19, "\u0661".encode()])
def test_a_time_that_is_no_number_counts_as_absent(intake: Intake, value: bytes | None) -> None:
    """As in records of earlier versions."""
    headers = [("fraudstream-timestamp", value)]
    record = arrived(Message(None, TIMELESS, headers=headers), NOON_MS)  # type: ignore[arg-type] - as it may come
    payments, _ = intake.parse([record]).valid

    assert [NOON_MS] == [payment.event_time_ms for payment in payments]


def test_only_a_worker_s_header_says_when_a_payment_came(intake: Intake) -> None:
    """A header in `transactions` comes from the producer."""
    headers = [("fraudstream-timestamp", str(NOON_MS - HALF_AN_HOUR_MS).encode())]
    payments, _ = intake.parse(
        [arrived(Message(None, TIMELESS, headers=headers), NOON_MS, "transactions")]
    ).valid

    assert [NOON_MS] == [payment.event_time_ms for payment in payments]


def test_a_dead_letter_hides_an_account_number_and_shows_the_declared_time() -> None:
    """Nine digits may be one where the event type says so; of cards it takes twelve."""
    value = b'{"cc_num": 60416207185, "trans_date_trans_time": "2020-01-01 10:00:00"}'
    record = arrived(Message(None, value), NOON_MS, "transactions", HOME)
    accounts = DeadLetters.of(event_type_named("sparkov")).letter(record, "conflict", "")

    assert '{"cc_num": ***, "trans_date_trans_time": "2020-01-01 10:00:00"}' == accounts.payload
    assert "60416207185" in DeadLetters.of(event_type_named("card")).letter(record, "conflict", "").payload
