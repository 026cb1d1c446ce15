"""Payments as records: what the worker will read, on which partition, and what must not be in them."""

import json

import polars as pl

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.events.parser import Parser
from fraudstream.domain.tokens import EntityIndex, Tokenizer, partition_of
from fraudstream.traffic.encoder import Encoder

CARD = event_type_named("card")
NOON_MS = 1_780_000_000_123

PAYMENTS = pl.DataFrame(
    {
        "tid": [1, 2, 3, 4, 5],
        "cc_num": [4000000000000002 + n for n in (0, 10, 20, 0, 10)],
        "amount": [12.5, 0.01, 9999.99, 3.0, 7.35],
        "event_time": [NOON_MS + n for n in range(5)],
        "merchant": ["Mill Bakery", 'a "quoted" name', "Zoë's", None, "Lake Fuel"],
        "zip_code": ["01001", "99948", "00501", "12345", "54321"],
        "is_fraud": [False, True, False, False, True],
        "scenario": ["everyday", "chain", "everyday", "everyday", "card-testing"],
    }
)


def test_the_worker_reads_exactly_the_payments_that_were_encoded() -> None:
    """Amounts to the cent, times to the millisecond, names with quotes: nothing is lost in JSON."""
    batch = Encoder(CARD, 8).encode(PAYMENTS, None)
    parse = Parser(CARD, EntityIndex(Tokenizer(bytes(32)), 8), 0).parse
    read = [parse(message.value, NOON_MS + 10) for message in batch.messages]

    assert [str(tid) for tid in PAYMENTS["tid"]] == [payment.transaction_id for payment in read]
    assert [1250, 1, 999999, 300, 735] == [payment.cents for payment in read]
    assert PAYMENTS["event_time"].to_list() == [payment.event_time_ms for payment in read]
    assert PAYMENTS["merchant"].to_list() == [payment.variables[0] for payment in read]


def test_a_key_leads_where_kafkas_own_partitioner_leads() -> None:
    """So the worker finds every payment at home and repartitions none."""
    batch = Encoder(CARD, 8).encode(PAYMENTS, None)
    numbers = [str(number) for number in PAYMENTS["cc_num"]]

    assert [number.encode() for number in numbers] == [message.key for message in batch.messages]
    assert [partition_of(number, 8) for number in numbers] == batch.partitions


def test_without_a_key_partitions_take_turns() -> None:
    """As the AWS sample's producer does, over the borders of batches too."""
    encoder = Encoder(CARD, 3, keyed=False)
    first, second = (encoder.encode(PAYMENTS, None) for _ in range(2))

    assert {None} == {message.key for message in first.messages}
    assert [0, 1, 2, 0, 1, 2, 0, 1, 2, 0] == first.partitions + second.partitions


def test_labels_are_sent_to_a_topic_of_their_own() -> None:
    """A payment's record never has its label: a model that could see it would learn nothing else."""
    batch = Encoder(CARD, 8).encode(PAYMENTS, None, labelled=True)
    labels = [json.loads(message.value) for _, message in batch.labels]

    assert {"cc_num", "amount", "trans_ts", "tid", "merchant", "zip_code"} == {
        field for message in batch.messages for field in json.loads(message.value)
    }
    assert {
        "transaction_id": "2",
        "fraud": True,
        "scenario": "chain",
        "known_at": NOON_MS + 1,
        "source": "simulation",
        "note": None,
    } == labels[1]
    assert [message.key for _, message in batch.labels] == [str(tid).encode() for tid in PAYMENTS["tid"]]


def test_without_the_option_no_labels_are_sent() -> None:
    """A replay without --labels publishes none."""
    assert [] == Encoder(CARD, 8).encode(PAYMENTS, None).labels
