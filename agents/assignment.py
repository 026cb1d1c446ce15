"""Which of the collected records are still this worker's to decide, under the present assignment of partitions."""

from collections.abc import Iterable
from typing import cast

import faust
from faust.types import TP

from fraudstream.adapters.kafka.coalescing_consumer import CoalescingConsumer
from fraudstream.agents.backlog import Chunk


class Assignment:
    """Knows the consumer's generation, and the next offset to decide in each partition."""

    def __init__(self, app: faust.App) -> None:
        self._app = app
        self._generation = -1
        self._next: dict[TP, int] = {}
        """Of the present generation."""

    @property
    def _consumer(self) -> CoalescingConsumer:
        return cast(CoalescingConsumer, self._app.consumer)

    @property
    def stands(self) -> bool:
        """Tell whether no rebalance has begun."""
        return self._consumer.flow_active

    @property
    def is_settled(self) -> bool:
        """Tell whether no rebalance is under way, and the state of all partitions is restored."""
        return self.stands and not self._app.rebalancing

    @property
    def generation(self) -> int:
        """Return the number of the present assignment."""
        return int(self._app.consumer_generation_id)

    def begun(self, tp: TP) -> bool:
        """Tell whether an offset was committed, by whatever worker."""
        return self._consumer.committed_offset(tp) > 0

    def next_offset(self, tp: TP) -> int:
        """Return the next offset to decide."""
        known = self._next if self.generation == self._generation else {}
        return known.get(tp, max(0, self._consumer.committed_offset(tp)))

    def has(self, chunk: Chunk) -> bool:
        """Tell whether the chunk belongs to the present assignment; if not, its partition's new owner decides it."""
        return bool(chunk.event.message.generation_id == self._app.consumer_generation_id)

    def undecided(self, chunks: Iterable[Chunk]) -> list[Chunk]:
        """Return the chunks, or parts of chunks, that are still to be decided.

        Left out are chunks of earlier assignments, and records already committed or decided: a chunk fetched before the
        seek may hold some.
        """
        generation = self._app.consumer_generation_id
        if generation != self._generation:
            self._generation, self._next = generation, {}
        undecided = []
        for chunk in filter(self.has, chunks):
            first = self._next.get(chunk.tp, max(0, self._consumer.committed_offset(chunk.tp)))
            self._next[chunk.tp] = max(first, chunk.records[-1].offset + 1)
            if chunk.records[0].offset < first:
                chunk = chunk.part([record for record in chunk.records if record.offset >= first])
            if chunk.records:
                undecided.append(chunk)
        return undecided

    def end(self, tp: TP) -> int | None:
        """Return where the log of a partition ends, if that is known."""
        return self._consumer.highwater(tp)

    def let_go(self, chunks: Iterable[Chunk]) -> None:
        """Tell Faust not to wait for these chunks: those no longer ours, or committed earlier, are never acknowledged."""
        for chunk in chunks:
            self._consumer.unacked.discard(chunk.event.message)
