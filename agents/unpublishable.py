"""What goes instead of a record that its topic refuses: a dead letter, or a changelog record in two halves.

A decided payment still counts in its entity's ten minutes. The dead letter says what was not published.
"""

import msgspec

from fraudstream.adapters.kafka.outbox import Message, Refused, nothing_instead
from fraudstream.agents.micro_batch import MicroBatch
from fraudstream.deciding.dead_letters import NOT_REPARTITIONED, UNPUBLISHABLE, DeadLetter, DeadLetters
from fraudstream.deciding.records import SOURCE_HEADER, Record, number_of, source_of
from fraudstream.tables.changelog_halves import halved

Replacement = list[tuple[str, int, Message]]


class Unpublishable:
    """Knows the records a micro-batch was made of; called only for what was refused."""

    def __init__(
        self,
        batch: MicroBatch,
        dead_letters: str,
        changelog: str,
        replies: str,
        dead: list[DeadLetter],
        letters: DeadLetters,
    ) -> None:
        """`dead` gets the letters, so that they are counted like others."""
        self._batch = batch
        self._dead_letters = dead_letters
        self._changelog = changelog
        self._replies = replies
        self._dead = dead
        self._letters = letters

    def __call__(self, refused: Refused) -> Replacement:
        """Return what to publish instead; raises SetupError if nothing smaller is possible."""
        if refused.topic == self._changelog:
            return halved(refused)
        if refused.topic == self._dead_letters:
            return self._shortened(refused)
        if refused.topic == self._replies:
            return []  # the outcome itself is published, and the asker can fetch it
        record = self._record(refused.message)
        letter = self._letters.letter(record, UNPUBLISHABLE, f"{refused.why}: {_what(refused.message)}")
        self._dead.append(letter)
        return [(self._dead_letters, letter.partition, Message(None, letter.encode()))]

    def _record(self, message: Message) -> Record:
        """Return the record of an output's payment: a forwarded one names its first place, a decision its own."""
        for name, value in message.headers:
            if name == SOURCE_HEADER:
                forwarded = (record for each in self._batch.parsed for _, record in each.to_repartition)
                return next(record for record in forwarded if source_of(record) == value.decode())
        source = msgspec.json.decode(message.value)["source"]
        place = source["topic"], source["partition"], source["offset"], source.get("number", 0)
        return next(record for record in self._batch.records if _place(record) == place)

    def _shortened(self, refused: Refused) -> Replacement:
        """Leave the payload out of a dead letter, once."""
        letter = msgspec.json.decode(refused.message.value)
        if not letter["payload"]:
            return nothing_instead(refused)
        shorter = Message(None, msgspec.json.encode(letter | {"payload": ""}))
        return [(refused.topic, refused.partition, shorter)]


def _place(record: Record) -> tuple[str, int, int, int]:
    return record.topic, record.partition, record.offset, number_of(record)


def _what(message: Message) -> str:
    """Say what is missing now."""
    if message.headers:
        return NOT_REPARTITIONED
    return "the payment counts in its entity's windows, but this was not published"
