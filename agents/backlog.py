"""Chunks that were collected and not yet decided: bounded, and taken as micro-batches."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from faust.types import TP, EventT

from fraudstream.deciding.intake import Parsed
from fraudstream.deciding.records import Record

PASSES_PER_CHUNK = 2
"""Passes of the event loop from Faust's queue to ours."""


class Chunk(NamedTuple):
    """Records of one partition, in order, and the Faust event they came in."""

    event: EventT[Any]
    records: list[Record]
    parsed: Parsed | None
    """None: to be parsed when it is decided."""
    parse_ms: float = 0.0

    @property
    def rows(self) -> int:
        """Return how much there is to do: records, or the events in them."""
        return len(self.records) if self.parsed is None else max(len(self.records), self.parsed.rows)

    @property
    def tp(self) -> TP:
        """Return the source partition."""
        return self.event.message.tp

    def part(self, records: list[Record], parsed: Parsed | None = None) -> "Chunk":
        """Return some of its records, by default to be parsed when decided: parsing, too, may crash the worker."""
        return self._replace(records=records, parsed=parsed, parse_ms=0.0)


class Backlog:
    """What the collecting stream puts in and the deciding loop takes out."""

    def __init__(self, batch_rows_max: int, pending_rows_max: int, linger_ms: float) -> None:
        self._batch_rows_max = batch_rows_max
        self._pending_rows_max = pending_rows_max
        self._linger_s = linger_ms / 1000
        self._pending: deque[Chunk] = deque()
        self._pending_rows = 0
        self._arrived = asyncio.Event()
        self._room = asyncio.Event()

    async def put(self, chunk: Chunk) -> None:
        """Add a chunk; wait while there is too much to do."""
        self._pending.append(chunk)
        self._pending_rows += chunk.rows
        self._arrived.set()
        if self._pending_rows >= self._pending_rows_max:
            self._room.clear()
            await self._room.wait()

    def wake(self) -> None:
        """Let `take` return, with nothing if there is nothing."""
        self._arrived.set()

    async def take(self, alone: Callable[[Chunk], bool]) -> list[Chunk]:
        """Wait for chunks and take as many as make a micro-batch, at least one; none after `wake`.

        A chunk that must be `alone` is not put together with others.
        """
        await self._arrived.wait()
        if not self._pending:
            self._arrived.clear()
            return []
        if self._pending_rows < self._batch_rows_max:
            await asyncio.sleep(self._linger_s)
            await self._settled()
        taken = [self._pending.popleft()]
        rows = taken[0].rows
        while self._pending and not alone(taken[0]) and not alone(self._pending[0]):
            rows += self._pending[0].rows
            if rows > self._batch_rows_max:
                break
            taken.append(self._pending.popleft())
        self._pending_rows -= sum(chunk.rows for chunk in taken)
        if not self._pending:
            self._arrived.clear()
        self._room.set()
        return taken

    async def _settled(self) -> None:
        """Wait until all chunks of one fetch are here: otherwise it becomes two micro-batches, and p99 rises by half.

        They arrive in passes of the event loop that follow each other immediately, so waiting costs almost nothing.
        """
        rows = -1
        while rows != self._pending_rows and self._pending_rows < self._batch_rows_max:
            rows = self._pending_rows
            for _ in range(PASSES_PER_CHUNK):
                await asyncio.sleep(0)
