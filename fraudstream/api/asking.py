"""Asks workers through the log: an event goes to `transactions`, and the answer is what became of it there.

An id that is asked for twice is one event: whoever asks again waits for the same answer, or gets it at once. A process that
was started anew asks the worker again, which knows the event and answers as the first time.
"""

import asyncio
import contextlib
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Protocol

from fraudstream.adapters.kafka.asking import NotSent
from fraudstream.api.outcomes import Outcome, replied
from fraudstream.deciding.records import REPLY_HEADER
from fraudstream.domain.errors import InvalidTransaction
from fraudstream.domain.events.parser import Parser, Payment

logger = logging.getLogger(__name__)

REMEMBERED_MAX = 100_000
"""Answers that can be fetched again from this process, about 1 kB each."""

FORGOTTEN_AFTER_S = 600.0
"""An event that was not decided by then makes room for others; it may still be decided, and archived."""


class Log(Protocol):
    """Where events go."""

    async def send(self, partition: int, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        """Return once the brokers have an event; raises NotSent."""


@dataclass(slots=True)
class Asked:
    """An event that was asked for, and what is known of it."""

    event: bytes
    payment: Payment
    answer: "asyncio.Future[Outcome]"
    at_s: float
    sent: bool = False

    def same(self, event: bytes, payment: Payment) -> bool:
        """Tell whether it is the event that is asked for now; one without a time of its own has that of its arrival."""
        return self.event == event or self.payment == payment

    @property
    def is_decided(self) -> bool:
        """Tell whether its decision is known."""
        return self.answer.done() and self.answer.result().decision is not None

    def may_be_sent_again(self, event: bytes, payment: Payment) -> bool:
        """Tell whether an event of its id is to be sent: this one did not get to the log, or another was decided before it."""
        if not self.answer.done() or self.is_decided:
            return False
        return self.answer.result().code == "unavailable" or not self.same(event, payment)


class Asker:
    """Knows what was asked for and not answered yet, and the newest answers."""

    def __init__(self, parser: Parser, partitions: int, replies_partition: int, in_flight_max: int) -> None:
        """`parser` must be of the event type and token keys of the workers."""
        self.log: Log | None = None
        self._parser = parser
        self._partitions = partitions
        self._in_flight_max = in_flight_max
        self._place = b"%d:" % replies_partition
        self._own, self._numbers = secrets.token_hex(8).encode(), count(1)
        self._turn = 0
        self._waiting: dict[bytes, Asked] = {}
        """By request."""
        self._by_id: OrderedDict[str, Asked] = OrderedDict()
        self._sending: set[asyncio.Task[None]] = set()

    @property
    def in_flight(self) -> int:
        """Return how many events are asked for and not answered."""
        return len(self._waiting)

    def heard(self, request: bytes, value: bytes) -> None:
        """Take a reply; others' requests are not known here."""
        asked = self._waiting.pop(request, None)
        if asked is not None and not asked.answer.done():
            asked.answer.set_result(replied(value))

    def known(self, transaction_id: str) -> Outcome | None:
        """Return the decision about an event that this process asked for; None if it knows of none."""
        asked = self._by_id.get(transaction_id)
        return asked.answer.result() if asked is not None and asked.is_decided else None

    async def ask(self, events: Sequence[bytes], deadline_s: float) -> list[Outcome]:
        """Return what became of events, in their order; `deadline_s`: after how long those not known are told so."""
        self._forget()
        asked = [self._one(event) for event in events]
        waiting = [each.answer for each in asked if isinstance(each, Asked)]
        if waiting:
            await asyncio.wait(waiting, timeout=deadline_s)
        return [each if isinstance(each, Outcome) else self._outcome(each) for each in asked]

    def _one(self, event: bytes) -> "Asked | Outcome":
        """Send an event, unless it was already; return what is to be waited for, or why nothing is."""
        try:
            payment = self._parser.parse(event, time.time_ns() // 1_000_000)
        except InvalidTransaction as error:
            return Outcome(code="invalid", detail=str(error))
        before = self._by_id.get(payment.transaction_id)
        if before is not None and not before.may_be_sent_again(event, payment):
            if before.same(event, payment):
                return before
            detail = "this id was asked for before with other content"
            return Outcome(code="conflict", detail=detail, transaction_id=payment.transaction_id)
        if len(self._waiting) >= self._in_flight_max:
            detail = "too many events wait for their decision"
            return Outcome(code="crowded", detail=detail, transaction_id=payment.transaction_id)
        return self._sent(event, payment)

    def _sent(self, event: bytes, payment: Payment) -> Asked:
        request = b"%s-%d" % (self._own, next(self._numbers))
        asked = Asked(event, payment, asyncio.get_running_loop().create_future(), time.monotonic())
        self._waiting[request] = asked
        if payment.transaction_id:
            self._by_id[payment.transaction_id] = asked
        sending = asyncio.create_task(self._send(request, event, payment, asked))
        self._sending.add(sending)  # the event loop alone would not keep it
        sending.add_done_callback(self._sending.discard)
        return asked

    async def _send(self, request: bytes, event: bytes, payment: Payment, asked: Asked) -> None:
        assert self.log is not None, "asked before the log was opened"
        headers = [(REPLY_HEADER, self._place + request)]
        try:
            await self.log.send(self._partition(payment), event, headers)
            asked.sent = True
        except NotSent as error:
            self._waiting.pop(request, None)
            if not asked.answer.done():
                detail = f"it is not known whether the event is in the log ({error}); ask again"
                asked.answer.set_result(
                    Outcome(code="unavailable", detail=detail, transaction_id=payment.transaction_id)
                )

    def _partition(self, payment: Payment) -> int:
        """Return the home of an event's entity; events without one go to the partitions in turn."""
        if payment.entity is not None:
            return payment.entity.partition
        self._turn = (self._turn + 1) % self._partitions
        return self._turn

    def _outcome(self, asked: Asked) -> Outcome:
        if asked.answer.done():
            return asked.answer.result()
        tid = asked.payment.transaction_id
        if not asked.sent:
            detail = "the brokers have not confirmed the event yet; ask again"
            return Outcome(code="unavailable", detail=detail, transaction_id=tid)
        return Outcome(
            code="late",
            detail="the event is in the log and not decided yet; ask again, or fetch it later",
            transaction_id=tid,
        )

    def _forget(self) -> None:
        """Make room: the oldest answers, and events that nobody decided."""
        while len(self._by_id) > REMEMBERED_MAX:
            self._by_id.popitem(last=False)
        last_s = time.monotonic() - FORGOTTEN_AFTER_S
        overdue = takewhile(lambda each: each[1].at_s <= last_s, self._waiting.items())
        for request, asked in list(overdue):
            del self._waiting[request]
            with contextlib.suppress(KeyError):
                if self._by_id[asked.payment.transaction_id] is asked:
                    del self._by_id[asked.payment.transaction_id]
