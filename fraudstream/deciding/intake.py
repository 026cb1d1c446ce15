"""Sorts incoming records: each becomes a payment, a record to repartition, or a dead letter."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from fraudstream.deciding.dead_letters import DeadLetter, DeadLetters
from fraudstream.deciding.payloads import Payloads, Refused, Schemas
from fraudstream.deciding.records import Record, as_first_timed, is_repartitioned, source_of
from fraudstream.domain.errors import InvalidTransaction
from fraudstream.domain.events.parser import Parser, Payment
from fraudstream.domain.events.unknown_fields import counted
from fraudstream.domain.tokens import Entity

NOTHING_UNDECLARED: Mapping[str, int] = MappingProxyType({})


class Payments(NamedTuple):
    """Valid payments on the partition of their entities, and the records they came in, side by side."""

    payments: list[Payment]
    records: list[Record]


class Parsed(NamedTuple):
    """The records of one chunk, sorted; every record, and each event of one that has several, is in exactly one place."""

    valid: Payments
    to_repartition: list[tuple[Entity, Record]]
    """Records of entities that belong to another partition, with the entity."""
    dead: list[DeadLetter]
    undeclared: Mapping[str, int] = NOTHING_UNDECLARED
    """How many fields of which names the event type does not declare; of repartitioned records they were counted before."""

    @property
    def rows(self) -> int:
        """How many outcomes there will be: at least one for each record."""
        return len(self.valid.payments) + len(self.to_repartition) + len(self.dead)


class Intake:
    """Parses chunks; pure except for the parser's caches."""

    def __init__(self, parser: Parser, schemas: Schemas | None = None) -> None:
        """`schemas`: those of records that are not JSON."""
        self._parse = parser.parse
        self._undeclared = parser.undeclared = list[str]()
        wire = parser.event_type.wire
        self.has_several = wire.has_several
        """Whether a record may have several events."""
        self._payloads = None if wire.is_plain else Payloads(wire, schemas)
        self._letters = DeadLetters.of(parser.event_type)

    async def ready(self, records: Iterable[Record], wanted: Callable[[], bool] = lambda: True) -> bool:
        """Wait until the records can be parsed, which may need schemas; False as soon as that is not wanted any more."""
        return self._payloads is None or await self._payloads.ready(records, wanted)

    def parse(self, records: Sequence[Record]) -> Parsed:
        """Sort the records of one chunk into payments, records to repartition and dead letters."""
        payments: list[Payment] = []
        kept: list[Record] = []
        to_repartition: list[tuple[Entity, Record]] = []
        dead: list[DeadLetter] = []
        here, parse = records[0].partition, self._parse
        self._undeclared.clear()
        payloads = None if is_repartitioned(records[0]) else self._payloads
        first_timed = as_first_timed(records)
        for record in first_timed if payloads is None else self._events(first_timed, payloads, dead):
            try:
                payment = parse(record.value, record.timestamp)
            except InvalidTransaction as error:
                dead.append(self._letters.refused(record, error))
                continue
            entity = payment.entity
            if entity is None or entity.partition == here:
                payments.append(payment if payment.transaction_id else _named(payment, record))
                kept.append(record)
            else:
                to_repartition.append((entity, record))
        first_seen = self._undeclared and not is_repartitioned(records[0])
        undeclared = counted(self._undeclared) if first_seen else NOTHING_UNDECLARED
        return Parsed(Payments(payments, kept), to_repartition, dead, undeclared)

    def _events(
        self, records: Iterable[Record], payloads: Payloads, dead: list[DeadLetter]
    ) -> Iterator[Record]:
        """Yield the events of records, each as a record; what holds none goes to the dead letters."""
        for record in records:
            try:
                for event in payloads.events(record):
                    if isinstance(event, Refused):
                        dead.append(self._letters.refused(*event))
                    else:
                        yield event
            except InvalidTransaction as error:
                dead.append(self._letters.refused(record, error))


def _named(payment: Payment, record: Record) -> Payment:
    """Give a payment without an id its first place in the log as its id."""
    return payment._replace(transaction_id=source_of(record))
