"""The reasons of dead letters in words, and what mends them; docs/reference/dead-letters.md says more of each."""

from collections.abc import Mapping
from typing import NamedTuple


class Words(NamedTuple):
    """What a reason means, and what to do before the records are sent again."""

    what: str
    remedy: str


PRODUCER, TYPE = "correct the producer", "correct the event type's file, and release it"

REASONS: Mapping[str, Words] = {
    "empty": Words("a record without a value", PRODUCER),
    "too-large": Words("an event of more than 64 KiB, or a record with too many events", PRODUCER),
    "not-json": Words("a value that is not JSON", f"{PRODUCER}, or declare a format in the event type"),
    "no-payload": Words("no event where the event type says that it is", TYPE),
    "deleted": Words(
        "a row's deletion, of which nothing is to be decided", "leave deletions out in the connector"
    ),
    "schema-mismatch": Words(
        "a value that does not fit its schema, or has none", f"{PRODUCER}, or its schema"
    ),
    "unknown-schema": Words("the registry did not know the schema", "register the schema"),
    "invalid-field": Words("a field that is missing, or of a wrong type", PRODUCER),
    "unknown-field": Words("a field that the event type does not declare", f"declare it: {TYPE}"),
    "invalid-card": Words("a card number that is none", PRODUCER),
    "invalid-entity": Words("a blank entity", PRODUCER),
    "amount-decimals": Words("an amount with more decimals than its currency has", PRODUCER),
    "unknown-currency": Words("a currency that the event type does not list", f"list it: {TYPE}"),
    "amount-negative": Words(
        "an amount below zero, where refunds are refused", f'refunds = "decide": {TYPE}'
    ),
    "amount-absurd": Words("an amount above the event type's limit", f"raise amount.max: {TYPE}"),
    "invalid-time": Words("a time that cannot be read", PRODUCER),
    "time-ancient": Words("a time before the year 2000", f"{PRODUCER}, or correct time.unit"),
    "time-in-future": Words("a time after the record's own", f"{PRODUCER}, its clock, or time.unit"),
    "no-timestamp": Words("a record without Kafka's timestamp", PRODUCER),
    "id-holds-card-number": Words("a transaction id with a card number in it", PRODUCER),
    "conflict": Words(
        "a transaction id that came before with another time or amount", "send it with an id of its own"
    ),
    "poison": Words("a record that crashed the worker repeatedly", "read the worker's log, and upgrade"),
    "undecodable": Words("a record that is damaged in Kafka", "let the producer send it anew"),
    "unpublishable": Words("an output that its topic refused", "raise the topic's max.message.bytes"),
}

NOT_LISTED = Words("a reason of another version", "see what its detail says")


def words_of(reason: str) -> Words:
    """Return what a reason means.

    >>> words_of("empty").what
    'a record without a value'
    """
    return REASONS.get(reason, NOT_LISTED)
