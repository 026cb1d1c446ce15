"""Waits for the decisions on particular payments among all that a worker publishes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec

from fraudstream.adapters.kafka.tail import Tail


class _Id(msgspec.Struct):
    """The only field that is decoded of other payments' decisions."""

    transaction_id: str


class AwaitedDecisions:
    """Hands out decisions by transaction id."""

    def __init__(self) -> None:
        self._awaited: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._id = msgspec.json.Decoder(_Id).decode

    def expect(self, transaction_id: str) -> asyncio.Future[dict[str, Any]]:
        """Return a future for the decision on a payment; call before the payment is sent."""
        self._awaited[transaction_id] = asyncio.get_running_loop().create_future()
        return self._awaited[transaction_id]

    async def read(self, tail: Tail) -> None:
        """Read decisions for ever."""
        while True:
            for record in await tail.fetch():
                if record.value is not None:
                    self._hand_out(record.value)

    def _hand_out(self, value: bytes) -> None:
        """Resolve the future of a decision; repeated decisions are equal."""
        waiting = self._awaited.pop(self._id(value).transaction_id, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(msgspec.json.decode(value))


@asynccontextmanager
async def awaited_decisions(tail: Tail) -> AsyncIterator[AwaitedDecisions]:
    """Yield decisions to wait for, read from a tail of the decisions until the block ends."""
    awaited = AwaitedDecisions()
    reading = asyncio.create_task(awaited.read(tail))
    try:
        yield awaited
    finally:
        reading.cancel()
        with suppress(asyncio.CancelledError):
            await reading
