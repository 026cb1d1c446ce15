"""Finding the record that ends the worker: after a few deaths over the same offsets they are decided in halves.

    died 3 times deciding 0..511 -> 0..255, 256..511 -> died in 256..511 -> 256..383, ... -> died on 300 alone: dead letter

What counts is where a run ended: an exception, an exhausted memory and a crash in native code all leave the note of what
was in flight. Waiting for brokers does not count: an outage must never condemn a payment.
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
from fraudstream.deciding.dead_letters import POISON, dead_letter
from fraudstream.deciding.intake import Parsed, Payments
from fraudstream.deciding.records import Record
from fraudstream.domain.errors import FraudstreamError

logger = logging.getLogger(__name__)

DEATHS_BEFORE_HALVING = 3
"""Fewer may be an operator's kill or a machine out of memory."""

CONDEMNED_PER_HOUR_MAX = 10
"""More is no bad payment but a broken worker: then it stays down rather than empty the topic into dead letters."""

HOUR_S = 3600

CONDEMNED_KEPT = 100
"""So many are recognised when they are read again because others in their chunk ended the worker before its commit."""


class Condemned(NamedTuple):
    """A record that ended the worker alone, and since when (epoch seconds) that is known."""

    place: str
    offset: int
    at: float


class Suspects(msgspec.Struct):
    """What is remembered from run to run."""

    deaths: int = 0
    """Runs in a row that ended over these offsets."""
    ranges: dict[str, tuple[int, int]] = {}
    """`topic-partition` -> first and last offset in flight when the last of them ended."""
    condemned: list[Condemned] = []
    """What became dead letters."""


class Quarantine:
    """Notes what is in flight, and knows from earlier runs what to be careful with."""

    def __init__(self, directory: Path) -> None:
        self._note = InFlightNote(directory / "in-flight")
        self._path = directory / "suspects.json"
        self.suspects = (
            msgspec.json.decode(self._path.read_bytes(), type=Suspects) if self._path.exists() else Suspects()
        )
        if in_flight := self._note.read():
            self._died_over(in_flight)

    def _died_over(self, in_flight: dict[str, tuple[int, int]]) -> None:
        """Count the end of the last run."""
        before = self.suspects.ranges
        again = any(
            place in before and first <= before[place][1] and last >= before[place][0]
            for place, (first, last) in in_flight.items()
        )
        self.suspects.deaths = self.suspects.deaths + 1 if again else 1
        self.suspects.ranges = in_flight
        self._save()
        self._note.write({})
        logger.warning(
            "the last run ended while it decided %s (%d in a row)",
            ", ".join(f"{place} {first}..{last}" for place, (first, last) in in_flight.items()),
            self.suspects.deaths,
        )

    def suspicious(self, chunk: Chunk) -> bool:
        """Tell whether a chunk is to be decided alone and in parts."""
        return self._halved(chunk) is not None or bool(self._condemned_in(chunk))

    def portions(self, chunks: list[Chunk]) -> list[list[Chunk]]:
        """Return what to decide together, in order; all of it, unless it is suspicious."""
        if not chunks:
            return []
        return self._parts(chunks[0]) if self.suspicious(chunks[0]) else [chunks]

    def acquit(self, chunks: Sequence[Chunk]) -> None:
        """Forget suspicions against what has just been decided."""
        if not self.suspects.ranges:
            return
        for chunk in chunks:
            suspected = self.suspects.ranges.get(_place(chunk))
            if suspected is not None and chunk.records[-1].offset >= suspected[1]:
                del self.suspects.ranges[_place(chunk)]
        if not self.suspects.ranges:
            self.suspects.deaths = 0
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
        """Take the note back: the worker stops because it was told to."""
        self._note.write({})

    def _halved(self, chunk: Chunk) -> tuple[int, int] | None:
        """Return the suspected offsets if there were deaths enough and the chunk has any of them."""
        suspected = self.suspects.ranges.get(_place(chunk))
        if suspected is None or self.suspects.deaths < DEATHS_BEFORE_HALVING:
            return None
        first, last = suspected
        return suspected if first <= chunk.records[-1].offset and last >= chunk.records[0].offset else None

    def _condemned_in(self, chunk: Chunk) -> set[int]:
        """Return which of a chunk's offsets are condemned."""
        if not self.suspects.condemned:
            return set()
        first, last, here = chunk.records[0].offset, chunk.records[-1].offset, _place(chunk)
        return {
            offset
            for place, offset, _ in self.suspects.condemned
            if place == here and first <= offset <= last
        }

    def _parts(self, chunk: Chunk) -> list[list[Chunk]]:
        """Cut a suspicious chunk: the two halves of what is suspected, each condemned record, and what lies between."""
        cuts = {chunk.records[0].offset, chunk.records[-1].offset + 1}
        if suspected := self._halved(chunk):
            first, last = suspected
            if first == last and len(self.suspects.ranges) == 1:
                self._condemn(_place(chunk), first)
            cuts |= {first, (first + last + 1) // 2, last + 1}
        condemned = self._condemned_in(chunk)
        cuts |= condemned | {offset + 1 for offset in condemned}
        parts = []
        for begin, end in pairwise(sorted(cuts)):
            records = [record for record in chunk.records if begin <= record.offset < end]
            if records:
                parts.append([chunk.part(records, self._letters(records) if begin in condemned else None)])
        return parts

    def _condemn(self, place: str, offset: int) -> None:
        """Remember a record that ended the worker alone."""
        hour_ago = time.time() - HOUR_S
        if sum(at > hour_ago for *_, at in self.suspects.condemned) >= CONDEMNED_PER_HOUR_MAX:
            raise FraudstreamError(
                f"{CONDEMNED_PER_HOUR_MAX} records within an hour ended the worker: mend it, then remove {self._path}"
            )
        logger.error("%s offset %d becomes a dead letter", place, offset)
        self.suspects.condemned.append(Condemned(place, offset, time.time()))
        del self.suspects.condemned[:-CONDEMNED_KEPT]
        self._save()

    def _letters(self, records: list[Record]) -> Parsed:
        """Return condemned records as dead letters."""
        detail = "the worker ended again and again while it decided this record"
        return Parsed(Payments([], []), [], [dead_letter(record, POISON, detail) for record in records])

    def _save(self) -> None:
        write_atomically(self._path, msgspec.json.encode(self.suspects))


def _place(chunk: Chunk) -> str:
    return f"{chunk.tp.topic}-{chunk.tp.partition}"
