"""The scoring loop with several events in a record: each is decided, goes on, or is a dead letter; the record is acknowledged."""

import json
from pathlib import Path
from typing import Any

import pytest

from fraudstream.adapters.kafka.outbox import Outbox, Refused
from fraudstream.adapters.kafka.publisher import ProduceResults
from fraudstream.agents.delivery import OutputBatch
from fraudstream.domain.archived import archived, unarchived
from fraudstream.domain.events.declaration import Declaration
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.tokens import partition_of
from tests.agents.memory_worker import NOON_S, PARTITIONS, MemoryWorker
from tests.fakes import MemoryDelivery

TEXT = """
name = "own"
id = "id"
features = ["amount"]
[envelope]
events = "%s"
[entity]
field = "account"
kind = "text"
[time]
fields = ["at"]
[amount]
field = "value"
currency = "EUR"
"""

HERE = next(name for name in map(str, range(40)) if partition_of(name, PARTITIONS) == 0)
ELSEWHERE = next(name for name in map(str, range(40)) if partition_of(name, PARTITIONS) == 1)


def declared(events: str) -> EventType:
    """Return an event type whose records have several events."""
    return Declaration(TEXT % events, "own.toml").read()


def event(number: int, account: str = HERE, **fields: Any) -> dict[str, Any]:
    """Return an event so many seconds after noon."""
    return {"id": f"p-{number}", "account": account, "value": number, "at": NOON_S + number} | fields


def record(events: str, values: list[Any]) -> bytes:
    """Return a record of events."""
    texts = [json.dumps(value) for value in values]
    return ("\n".join(texts) if events == "lines" else f"[{', '.join(texts)}]").encode()


@pytest.mark.parametrize("events", ["array", "lines"])
async def test_the_events_of_a_record_are_decided_in_order_each_for_itself(
    tmp_path: Path, events: str
) -> None:
    """One goes on to its partition, one is bad, one conflicts; the next record counts on."""
    async with MemoryWorker(tmp_path, event_type=declared(events)) as worker:
        first = [event(1), event(2, ELSEWHERE), event(3, value="x"), event(1, value=9), event(4)]
        await worker.receive([record(events, first), record(events, [event(5)])])
        await worker.settled()
        decisions, letters = worker.published("decisions"), worker.published("dead-letters")

        assert [("p-1", 1, 1), ("p-4", 5, 2), ("p-5", 1, 3)] == [
            (each["transaction_id"], each["source"]["number"], each["features"]["num_trans_last_10m"])
            for each in decisions
        ]
        assert [(3, "invalid-field", 0), (4, "conflict", 0)] == [
            (each["number"], each["reason"], each["offset"]) for each in letters
        ]
        assert [event(2, ELSEWHERE)] == worker.published("transactions-by-card", 1)
        assert 2 == worker.to_commit()


@pytest.mark.parametrize("events", ["array", "lines"])
async def test_a_record_that_comes_again_is_answered_as_the_first_time(tmp_path: Path, events: str) -> None:
    """After a crash before the acknowledgement, or sent twice by its producer."""
    whole = record(events, [event(number) for number in range(30)])
    async with MemoryWorker(tmp_path, event_type=declared(events)) as worker:
        await worker.receive([whole, record(events, [event(100)]), whole])
        await worker.settled()
        decisions = worker.published("decisions")

    told = [(each["transaction_id"], each["features"]) for each in decisions]
    assert told[:30] == told[31:]
    assert [*range(1, 31), 31] == [features["num_trans_last_10m"] for _, features in told[:31]]


async def test_events_without_an_id_are_named_by_their_number(tmp_path: Path) -> None:
    """So two of a record are two; a replay names them alike, also the one that was sent on."""
    nameless = [event(1, id=None), event(1, id=None), event(2, ELSEWHERE, id=None)]
    async with MemoryWorker(tmp_path, event_type=declared("array")) as worker:
        await worker.receive([record("array", nameless)])
        await worker.settled()
        decisions = worker.published("decisions")
        forwarded = worker.delivery.topics["transactions-by-card", 1]

    assert ["transactions-0-0-1", "transactions-0-0-2"] == [each["transaction_id"] for each in decisions]
    assert [1, 2] == [each["features"]["num_trans_last_10m"] for each in decisions]
    assert [b"transactions-0-0-3"] == [dict(message.headers)["fraudstream-source"] for message in forwarded]


async def test_the_archive_has_an_event_s_number(tmp_path: Path) -> None:
    """And gives the decision back as it was published."""
    async with MemoryWorker(tmp_path, event_type=declared("array")) as worker:
        await worker.receive([record("array", [event(1), event(2)])])
        await worker.settled()
        values = [message.value for message in worker.delivery.topics["decisions", 0]]
    frame = archived(values, [0, 1], {})

    assert [1, 2] == frame["source_number"].to_list()
    assert [json.loads(value)["source"] for value in values] == [
        unarchived(row)["source"] for row in frame.iter_rows(named=True)
    ]


class RefusingDelivery(MemoryDelivery):
    """Refuses what holds a text, as a topic that takes less than it is sent."""

    def __init__(self, text: bytes) -> None:
        super().__init__()
        self._text = text

    def _append(self, outbox: Outbox) -> ProduceResults:
        for (topic, partition), messages in [*outbox.messages.items()]:
            refused = [each for each in messages if self._text in each.value and topic != "dead-letters"]
            outbox.messages[topic, partition] = [each for each in messages if each not in refused]
            for message in refused:
                for place in self.instead(Refused(topic, partition, message, "too large", "")):
                    super()._append(_outbox(*place))
        return super()._append(outbox)

    async def deliver(self, batch: OutputBatch) -> ProduceResults:
        """Remember what goes instead."""
        self.instead = batch.instead
        return await super().deliver(batch)


def _outbox(topic: str, partition: int, message: Any) -> Outbox:
    outbox = Outbox()
    outbox.add(topic, partition, message)
    return outbox


@pytest.mark.parametrize(("refused", "number"), [("p-2", 2), ("p-3", 3)])
async def test_a_dead_letter_for_what_a_topic_refuses_shows_the_event(
    tmp_path: Path, refused: str, number: int
) -> None:
    """A decision, and an event that was to go on to another partition."""
    async with MemoryWorker(tmp_path, event_type=declared("array")) as worker:
        worker.delivery = worker.scoring.delivery = RefusingDelivery(refused.encode())
        await worker.receive([record("array", [event(1), event(2), event(3, ELSEWHERE)])])
        await worker.settled()
        (letter,) = worker.published("dead-letters")

    assert ("unpublishable", 0, number) == (letter["reason"], letter["offset"], letter["number"])
    assert refused == json.loads(letter["payload"])["id"]


async def test_a_dead_letter_for_a_refused_decision_of_a_repartitioned_event_shows_it(tmp_path: Path) -> None:
    """Its decision names the place on the topic it was read from."""
    async with MemoryWorker(tmp_path, event_type=declared("array")) as worker:
        worker.delivery = worker.scoring.delivery = RefusingDelivery(b"p-1")
        await worker.receive([event(0), event(1)], topic="transactions-by-card")
        await worker.settled()
        (letter,) = worker.published("dead-letters")

    assert ("unpublishable", 1) == (letter["reason"], letter["offset"])
    assert "number" not in letter
