"""Dead letters as they are read back, and which of their records can be sent again."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

import msgspec

from fraudstream.adapters.kafka.partition_logs import Record
from fraudstream.dead_letters.words import words_of
from fraudstream.deciding.dead_letters import (
    CONFLICT,
    NOT_REPARTITIONED,
    UNDECODABLE,
    UNPUBLISHABLE,
    producer_of,
)
from fraudstream.deciding.payloads import NOT_READABLE
from fraudstream.domain.card_numbers import masked

UNREADABLE = "unreadable"
"""Reason of what lies in the topic and is no dead letter of ours."""

NOBODY = "not named"
"""The producer where no header names one."""


def key_of(topic: str, partition: int, offset: int, timestamp: int) -> str:
    """Return by what a record is known: a topic that is made anew has the same places again, so the timestamp belongs to it."""
    return f"{topic}-{partition}-{offset}@{timestamp}"


class Published(msgspec.Struct):
    """What a dead letter's value says."""

    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    timestamp: int
    payload: str
    number: int = 0
    headers: dict[str, str] = {}


_decode = msgspec.json.Decoder(Published).decode


class Letter(msgspec.Struct, frozen=True):
    """A dead letter, where it lies, and when it was written (epoch milliseconds)."""

    partition: int
    offset: int
    at_ms: int
    said: Published

    @property
    def id(self) -> str:
        """What commands and pages call it."""
        return f"{self.partition}-{self.offset}"

    @property
    def key(self) -> str:
        """By what a re-send of its record is noted; not of one that a worker repartitioned, which was first elsewhere."""
        return key_of(self.said.topic, self.said.partition, self.said.offset, self.said.timestamp)

    @property
    def producer(self) -> str:
        """Which program has sent its record."""
        return producer_of(self.said.headers) or NOBODY

    @property
    def why_not(self) -> str:
        """Why its record cannot be sent again; empty if it can."""
        said = self.said
        if said.reason == UNREADABLE:
            return "it is no dead letter of ours"
        if said.reason == UNDECODABLE:
            return "its record is damaged in Kafka, so there is nothing to send"
        if said.reason == CONFLICT:
            return "an event with this id was decided; let the producer send it with an id of its own"
        if said.reason == UNPUBLISHABLE and not said.detail.endswith(NOT_REPARTITIONED):
            return "its event is decided and counts; only an output is missing"
        if said.number:
            return "its record has other events, which would come twice; let the producer send this one alone"
        return ""


def read(record: Record) -> Letter:
    """Read a record of the topic; one that is no dead letter becomes one that says so, card numbers masked."""
    try:
        said = _decode(record.value or b"")
    except NOT_READABLE:
        text = (record.value or b"")[:2048].decode("utf-8", "replace")
        place = (record.topic, record.partition, record.offset, record.timestamp)
        said = Published(UNREADABLE, "what is here was not written by a worker", *place, masked(text))
    return Letter(record.partition, record.offset, record.timestamp, said)


def chosen(letters: Iterable[Letter], reasons: Collection[str], producers: Collection[str]) -> list[Letter]:
    """Return those with one of these reasons and one of these producers; empty: any."""
    return [
        letter
        for letter in letters
        if (not reasons or letter.said.reason in reasons) and (not producers or letter.producer in producers)
    ]


def counted(letters: Iterable[Letter]) -> Mapping[tuple[str, str], int]:
    """Return how many there are of each reason and producer, the most first."""
    return dict(Counter((letter.said.reason, letter.producer) for letter in letters).most_common())


def as_json(letter: Letter) -> dict[str, object]:
    """Return a letter as commands print it."""
    words = words_of(letter.said.reason)
    return {
        "id": letter.id,
        "at": letter.at_ms,
        "producer": letter.producer,
        **msgspec.to_builtins(letter.said),
        "means": words.what,
        "remedy": words.remedy,
        "cannot_be_sent_again": letter.why_not or None,
    }
