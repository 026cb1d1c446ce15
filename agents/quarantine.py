"""Finds the record that crashes the worker: after a few crashes over the same offsets they are decided in halves.

    3 crashes in 0..511 -> 0..255, 256..511 -> crash in 256..511 -> 256..383, ... -> crash on 300 alone: dead letter

A crash is recognised by the note of what was in flight: an exception, exhausted memory and a crash in native code all
leave it behind. Waiting for brokers leaves no note: an outage must never turn a payment into a dead letter.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec

from fraudstream.adapters.files import write_atomically
from fraudstream.adapters.in_flight import InFlightNote
from fraudstream.agents.backlog import Chunk
from fraudstream.deciding.dead_letters import POISON, DeadLetters
from fraudstream.deciding.intake import Parsed, Payments
from fraudstream.deciding.records import Record
from fraudstream.domain.errors import FraudstreamError

logger = logging.getLogger(__name__)

CRASHES_BEFORE_HALVING = 3
"""Fewer may be an operator's kill or a machine out of memory."""

POISON_RECORDS_PER_HOUR_MAX = 10
"""With more, the worker is broken, not the payments: it stays down instead of turning the topic into dead letters."""

HOUR_S = 3600

POISON_RECORDS_KEPT = 100
"""Poison records remembered, in case another crash before the commit replays their chunk."""


class PoisonRecord(NamedTuple):
    """A poison record, which crashed the worker when decided alone, and when that was found (epoch seconds)."""

    place: str
    offset: int
    at: float


class CrashHistory(msgspec.Struct, rename={"crashes": "deaths", "poison_records": "condemned"}):
    """What is remembered from run to run, in a file that earlier versions wrote with other names."""

    crashes: int = 0
    """Runs in a row that crashed over these offsets."""
    ranges: dict[str, tuple[int, int]] = {}
    """`topic-partition` -> first and last offset in flight when the last of them crashed."""
    poison_records: list[PoisonRecord] = []
    """Poison records that became dead letters."""


class Quarantine:
    """Notes what is in flight, and knows the suspicious offsets from earlier runs."""

    def __init__(self, directory: Path, letters: DeadLetters) -> None:
        self._dead_letters = letters
        self._note = InFlightNote(directory / "in-flight")
        self._path = directory / "suspects.json"
        self.history = (
            msgspec.json.decode(self._path.read_bytes(), type=CrashHistory)
            if self._path.exists()
            else CrashHistory()
        )
        if in_flight := self._note.read():
            self._count_crash(in_flight)

    def _count_crash(self, in_flight: dict[str, tuple[int, int]]) -> None:
        """Count the crash of the last run."""
        before = self.history.ranges
        again = any(
            place in before and first <= before[place][1] and last >= before[place][0]
            for place, (first, last) in in_flight.items()
        )
        self.history.crashes = self.history.crashes + 1 if again else 1
        self.history.ranges = in_flight
        self._save()
        self._note.write({})
        logger.warning(
            "the worker crashed while it decided %s (%d times in a row)",
            ", ".join(f"{place} {first}..{last}" for place, (first, last) in in_flight.items()),
            self.history.crashes,
        )

    def must_split(self, chunk: Chunk) -> bool:
        """Tell whether a chunk must be decided alone and in parts."""
        return self._halved(chunk) is not None or bool(self._poison_offsets(chunk))

    def portions(self, chunks: list[Chunk]) -> list[list[Chunk]]:
        """Return the portions to decide one by one, in order: all in one, unless the first chunk is split."""
        if not chunks:
            return []
        return self._parts(chunks[0]) if self.must_split(chunks[0]) else [chunks]

    def clear(self, chunks: Sequence[Chunk]) -> None:
        """Clear the suspected offsets that have just been decided."""
        if not self.history.ranges:
            return
        for chunk in chunks:
            crashed = self.history.ranges.get(_place(chunk))
            if crashed is not None and chunk.records[-1].offset >= crashed[1]:
                del self.history.ranges[_place(chunk)]
        if not self.history.ranges:
            self.history.crashes = 0
            self._save()

    @contextmanager
    def in_flight(self, portion: list[Chunk]) -> Iterator[None]:
        """Keep a note of a portion while it is decided; an exception leaves it, for the next run to find."""
        ranges: dict[str, tuple[int, int]] = {}
        for chunk in portion:
            first = ranges.get(_place(chunk), (chunk.records[0].offset,))[0]
            ranges[_place(chunk)] = (first, chunk.records[-1].offset)
        self._note.write(ranges)
        yield
        self._note.write({})

    def close(self) -> None:
        """Close the note."""
        self._note.close()

    def forget(self) -> None:
        """Clear the note: the worker was told to stop."""
        self._note.write({})

    def _halved(self, chunk: Chunk) -> tuple[int, int] | None:
        """Return the suspected offsets if there were enough crashes and the chunk has any of them."""
        crashed = self.history.ranges.get(_place(chunk))
        if crashed is None or self.history.crashes < CRASHES_BEFORE_HALVING:
            return None
        first, last = crashed
        return crashed if first <= chunk.records[-1].offset and last >= chunk.records[0].offset else None

    def _poison_offsets(self, chunk: Chunk) -> set[int]:
        """Return the offsets of a chunk's poison records."""
        if not self.history.poison_records:
            return set()
        first, last, here = chunk.records[0].offset, chunk.records[-1].offset, _place(chunk)
        return {
            offset
            for place, offset, _ in self.history.poison_records
            if place == here and first <= offset <= last
        }

    def _parts(self, chunk: Chunk) -> list[list[Chunk]]:
        """Cut a suspicious chunk: the two halves of the suspected offsets, each poison record, and what lies between."""
        cuts = {chunk.records[0].offset, chunk.records[-1].offset + 1}
        if crashed := self._halved(chunk):
            first, last = crashed
            if first == last and len(self.history.ranges) == 1:
                self._mark_poison(_place(chunk), first)
            cuts |= {first, (first + last + 1) // 2, last + 1}
        poison = self._poison_offsets(chunk)
        cuts |= poison | {offset + 1 for offset in poison}
        parts = []
        for begin, end in pairwise(sorted(cuts)):
            records = [record for record in chunk.records if begin <= record.offset < end]
            if records:
                parts.append([chunk.part(records, self._letters(records) if begin in poison else None)])
        return parts

    def _mark_poison(self, place: str, offset: int) -> None:
        """Remember a poison record; raises FraudstreamError if there were too many within an hour."""
        hour_ago = time.time() - HOUR_S
        if sum(at > hour_ago for *_, at in self.history.poison_records) >= POISON_RECORDS_PER_HOUR_MAX:
            raise FraudstreamError(
                f"{POISON_RECORDS_PER_HOUR_MAX} records crashed the worker within an hour: fix the cause, then delete {self._path}"
            )
        logger.error("%s offset %d becomes a dead letter", place, offset)
        self.history.poison_records.append(PoisonRecord(place, offset, time.time()))
        del self.history.poison_records[:-POISON_RECORDS_KEPT]
        self._save()

    def _letters(self, records: list[Record]) -> Parsed:
        """Return poison records as dead letters."""
        detail = "the worker crashed repeatedly while it decided this record"
        return Parsed(
            Payments([], []), [], [self._dead_letters.letter(record, POISON, detail) for record in records]
        )

    def _save(self) -> None:
        write_atomically(self._path, msgspec.json.encode(self.history))


def _place(chunk: Chunk) -> str:
    return f"{chunk.tp.topic}-{chunk.tp.partition}"
