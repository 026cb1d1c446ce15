"""The arithmetic of a micro-batch of few events: each entity by the definition, in plain Python.

An array operation takes a microsecond to begin, and the columns of `activity_batch.py` take sixty of them. What is answered
and written is the same, to the last byte.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from fraudstream.domain.windows.entity_window import Answer, Conflict, EntityWindow
from fraudstream.domain.windows.entries import Entry, unpack_all
from fraudstream.domain.windows.reversing_window import window_of
from fraudstream.domain.windows.window_columns import Column, columns_of
from fraudstream.tables.activity_batch import Aggregation, Arrivals, BatchAggregates, Update, numbered
from fraudstream.tables.activity_layout import Clock, bucket_key


class SmallBatch(Aggregation):
    """Reads what is stored and aggregates; conflicts included."""

    def aggregate(self, arrivals: Arrivals, clocks: Mapping[int, Clock]) -> BatchAggregates:
        """Aggregate the payments in order, partition after partition: an entity's are all on one."""
        sequence, late_by_ms, after = numbered(arrivals, clocks)
        columns = columns_of(self._windows, len(sequence))
        conflicts: list[int] = []
        updates: dict[int, Update] = {}
        events = _entries(arrivals, sequence, late_by_ms)
        first = 0
        for partition, rows in arrivals.rows.items():
            own = [next(events) for _ in range(rows)]
            tokens = arrivals.entity[first : first + rows]
            stored, windows = self._stored(partition, tokens, own, clocks[partition])
            deltas: list[bytes] = []
            added: dict[bytes, list[bytes]] = {}
            for row, token, event in zip(range(first, first + rows), tokens, own, strict=True):
                window = windows[token]
                kept = len(window.entries)
                answer = self._answer(window, event, columns, row)
                if answer is None:
                    conflicts.append(row)
                    continue
                late_by_ms[row], sequence[row] = answer.late_by_ms, answer.sequence
                if len(window.entries) > kept:
                    packed = self._layout.pack(event)
                    deltas += (token, packed)
                    key = bucket_key(self._layout.bucket_of(event.event_time_ms), token)
                    added.setdefault(key, [stored.get(key, b"")]).append(packed)
            buckets = {key: b"".join(parts) for key, parts in added.items()}
            newest_ms = max([event.event_time_ms for event in own], default=0)
            updates[partition] = Update(b"".join(deltas), buckets, after[partition], newest_ms)
            first += rows
        return BatchAggregates(
            columns,
            np.array(late_by_ms, np.int64),
            np.array(conflicts, np.int64),
            updates,
            np.array(sequence, np.int64),
        )

    def _stored(
        self, partition: int, tokens: Sequence[bytes], events: Sequence[Entry], clock: Clock
    ) -> tuple[dict[bytes, bytes], dict[bytes, EntityWindow]]:
        """Read the buckets of some events and those before; after one that is behind, its id may be known from the next."""
        bucket_ms, bucket_of = self._layout.bucket_ms, self._layout.bucket_of
        newest_ms = bucket_of(clock.watermark_ms)
        starts: dict[bytes, set[int]] = {}
        for token, event in zip(tokens, events, strict=True):
            start_ms = bucket_of(event.event_time_ms)
            wanted = starts.setdefault(token, set())
            wanted.update((max(0, start_ms - bucket_ms), start_ms))
            if start_ms < newest_ms:
                wanted.add(start_ms + bucket_ms)
        keys = {token: [bucket_key(start, token) for start in sorted(own)] for token, own in starts.items()}
        stored = self._read(partition, [key for own in keys.values() for key in own]) if keys else {}
        windows = {}
        for token, own in keys.items():
            entries = unpack_all(self._layout, [stored[key] for key in own if key in stored])
            windows[token] = window_of(self._windows, entries, self._allowed_lateness_ms)
        return stored, windows

    def _answer(
        self, window: EntityWindow, event: Entry, columns: Sequence[Column], row: int
    ) -> Answer | None:
        """Write an event's features into its row, and return the answer; None: a conflict."""
        try:
            answer = window.add(event)
        except Conflict:
            return None
        for column, number in zip(columns, answer.numbers, strict=True):
            column[row] = np.nan if number is None else number
        return answer


def _entries(arrivals: Arrivals, sequence: Sequence[int], late_by_ms: Sequence[int]) -> Iterator[Entry]:
    columns = arrivals.event_time_ms, arrivals.cents, late_by_ms, arrivals.id_hash, sequence
    return (
        map(Entry, *columns, zip(*arrivals.values, strict=True)) if arrivals.values else map(Entry, *columns)
    )
