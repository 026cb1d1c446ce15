"""What is decided together: chunks, sorted into payments, records to repartition and dead letters."""

from collections import Counter
from typing import NamedTuple

from faust.types import TP

from fraudstream.agents.backlog import Chunk
from fraudstream.deciding.columns import Batch
from fraudstream.deciding.intake import Intake, Parsed, Payments
from fraudstream.deciding.records import Record, number_of


class MicroBatch(NamedTuple):
    """Parsed chunks, and their payments as the decider takes them."""

    chunks: list[Chunk]
    parsed: list[Parsed]
    """Of each chunk."""
    payments: Batch
    records: list[Record]
    """Of each payment."""
    sources: dict[TP, int]
    """The last offset of each source partition."""

    @classmethod
    def of(cls, chunks: list[Chunk], intake: Intake, repartitioned_topic: str) -> "MicroBatch":
        """Parse what is not parsed yet; the offsets of `repartitioned_topic` do not count."""
        parsed = [chunk.parsed or intake.parse(chunk.records) for chunk in chunks]
        valid: dict[int, Payments] = {}
        for chunk, each in zip(chunks, parsed, strict=True):
            of_partition = valid.setdefault(chunk.tp.partition, Payments([], []))
            of_partition.payments.extend(each.valid.payments)
            of_partition.records.extend(each.valid.records)
        records = [record for each in valid.values() for record in each.records]
        payments = Batch(
            {partition: len(each.payments) for partition, each in valid.items()},
            [payment for each in valid.values() for payment in each.payments],
            [None if record.topic == repartitioned_topic else record.offset for record in records],
            [number_of(record) for record in records] if intake.has_several else (),
        )
        sources = {chunk.tp: chunk.records[-1].offset for chunk in chunks}
        return cls(chunks, parsed, payments, records, sources)

    @property
    def repartitioned(self) -> int:
        """How many records are to be repartitioned."""
        return sum(len(each.to_repartition) for each in self.parsed)

    @property
    def undeclared(self) -> Counter[str]:
        """How many fields of which names the event type does not declare."""
        total: Counter[str] = Counter()
        for each in self.parsed:
            total.update(each.undeclared)
        return total

    @property
    def parse_ms(self) -> float:
        """How long parsing took while the chunks were collected."""
        return sum(chunk.parse_ms for chunk in self.chunks)
