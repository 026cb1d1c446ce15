"""What the API knows of the events that were asked for, whatever the log and the workers say; the log is a list."""

import asyncio
import json

import msgspec

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.kafka.asking import NotSent
from fraudstream.api.asking import Asker
from fraudstream.deciding.dead_letters import CONFLICT
from fraudstream.deciding.records import REPLY_HEADER
from fraudstream.domain.events.parser import Parser, entity_index
from fraudstream.domain.tokens import Tokenizer
from tests.api.events import event
from tests.chaos.workers import until

SOON_S = 0.01
"""For events that nobody decides."""


class MemoryLog:
    """Keeps events with what their replies have to name, unless brokers are away."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, bytes]] = []
        """Event and request."""
        self.away = False

    async def send(self, partition: int, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        """Keep an event."""
        if self.away:
            raise NotSent("no broker")
        ((name, place),) = headers
        assert name == REPLY_HEADER
        self.asked.append((value, place.partition(b":")[2]))


def asker_of(log: MemoryLog) -> Asker:
    """Return an asker of `card` events."""
    event_type = event_type_named("card")
    asker = Asker(Parser(event_type, entity_index(event_type, Tokenizer(bytes(32)), 3), 3_600_000), 3, 0, 100)
    asker.log = log
    return asker


def reply(asker: Asker, log: MemoryLog, **said: object) -> None:
    """Let a worker answer the last event."""
    asker.heard(log.asked[-1][1], msgspec.json.encode(said))


async def asked(asker: Asker, *events: dict[str, object], wait_s: float = SOON_S) -> list[tuple[int, str]]:
    """Ask; return status and code of each answer."""
    outcomes = await asker.ask([json.dumps(each).encode() for each in events], wait_s)
    return [(each.status, each.code) for each in outcomes]


async def test_an_event_that_did_not_get_to_the_log_is_sent_again() -> None:
    """Its id is free for that."""
    log = MemoryLog()
    asker, paid = asker_of(log), event("a")
    log.away = True
    assert [(503, "unavailable")] == await asked(asker, paid, wait_s=60)
    log.away = False

    assert [(504, "late")] == await asked(asker, paid)
    assert 1 == len(log.asked)
    assert 1 == asker.in_flight


async def test_an_event_that_was_refused_as_a_conflict_does_not_bar_the_one_it_conflicts_with() -> None:
    """Another process has asked for that one; its decision can be fetched and asked for here, too."""
    log = MemoryLog()
    asker, first = asker_of(log), event("a")
    other = first | {"amount": 2}
    assert [(504, "late")] == await asked(asker, other)
    reply(asker, log, reason=CONFLICT, detail="known with another amount")
    assert [(409, "conflict")] == await asked(asker, other)
    assert 1 == len(log.asked)
    assert asker.known("a") is None

    asking = asyncio.create_task(asked(asker, first, wait_s=60))
    assert await until(lambda: 2 == len(log.asked), 60)
    reply(asker, log, transaction_id="a", outcome="approve")

    assert [(200, "")] == await asking
    assert asker.known("a") is not None
    assert [(409, "conflict")] == await asked(asker, other)
    assert 2 == len(log.asked)


async def test_the_reply_to_another_request_is_passed_over() -> None:
    """Several processes may share a partition of replies."""
    log = MemoryLog()
    asker = asker_of(log)
    asker.heard(b"of-another-1", b"not even JSON")

    assert [(504, "late")] == await asked(asker, event("a"))
