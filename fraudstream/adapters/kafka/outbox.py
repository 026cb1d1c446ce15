"""What a micro-batch will publish, the offsets it got, and what replaces a record that a topic refuses."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import msgspec

from fraudstream.domain.errors import SetupError


class Message(msgspec.Struct, frozen=True, gc=False):
    """One record to publish. `timestamp_ms` None means now. A Struct, because one is made for every decision."""

    key: bytes | None
    value: bytes
    timestamp_ms: int | None = None
    headers: list[tuple[str, bytes]] = []


class Acknowledged(NamedTuple):
    """The offsets of a record batch in its partition."""

    base_offset: int
    records: int


ProduceResults: TypeAlias = dict[tuple[str, int], list[Acknowledged]]
"""The offsets of everything in an outbox, by topic and partition."""


class Refused(NamedTuple):
    """A record that its topic refuses even in a batch of its own."""

    topic: str
    partition: int
    message: Message
    why: str
    """What is wrong, with topic and limit."""
    remedy: str


Instead: TypeAlias = Callable[[Refused], list[tuple[str, int, Message]]]
"""Returns what is published instead: topic, partition, record. Raises SetupError if nothing can be."""


def nothing_instead(refused: Refused) -> list[tuple[str, int, Message]]:
    """Raise SetupError: the record can be neither left out nor replaced."""
    raise SetupError(f"{refused.why}; {refused.remedy}" if refused.remedy else refused.why)


class Outbox:
    """What one micro-batch will publish, by topic and partition; nothing is sent yet."""

    def __init__(self) -> None:
        self.messages: defaultdict[tuple[str, int], list[Message]] = defaultdict(list)

    def add(self, topic: str, partition: int, message: Message) -> None:
        """Add one record."""
        self.messages[topic, partition].append(message)

    def extend(self, topic: str, partition: int, messages: Sequence[Message]) -> None:
        """Add many records of one partition."""
        self.messages[topic, partition].extend(messages)

    def join(self, other: "Outbox") -> None:
        """Add everything of another outbox."""
        for (topic, partition), messages in other.messages.items():
            self.extend(topic, partition, messages)
