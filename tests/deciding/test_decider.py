"""Deciding payments that came by no topic: all it needs is what was paid, what is remembered, and the week."""

import asyncio
from collections.abc import Iterable, Mapping

import numpy as np

from fraudstream.adapters.event_types import event_type_named
from fraudstream.deciding.columns import Batch
from fraudstream.deciding.decider import Decided, Decider
from fraudstream.domain.detector import Detector
from fraudstream.domain.events.parser import Payment
from fraudstream.domain.features import schema
from fraudstream.domain.features.catalogue import FEATURES
from fraudstream.domain.releases.plan import Plans
from fraudstream.domain.tokens import EntityIndex, Tokenizer
from fraudstream.domain.windows.velocity import CARD_WINDOWS
from fraudstream.tables.activity_batch import Arrivals, BatchAggregates
from fraudstream.tables.activity_layout import Clock
from fraudstream.tables.aggregating import aggregate
from tests.builders import CountingModel, SameWeek

NOON_MS = 1_580_558_400_000
ALLOWED_LATENESS_MS = 3_600_000
CARD = EntityIndex(Tokenizer(bytes(32)), 1).entity("4006080197832643", NOON_MS)


class NothingRemembered:
    """An activity table of cards that never paid."""

    allowed_lateness_ms = ALLOWED_LATENESS_MS

    def plans(self, partitions: Iterable[int]) -> Mapping[int, Plans]:
        """Answer that no release was activated."""
        return dict.fromkeys(partitions, Plans())

    def aggregate(self, arrivals: Arrivals) -> BatchAggregates:
        """Answer from the payments of the batch alone."""
        read = dict.fromkeys(arrivals.rows, Clock())
        aggregates = aggregate(CARD_WINDOWS, arrivals, read, lambda _, keys: {}, ALLOWED_LATENESS_MS)
        return aggregates._replace(warming=np.zeros(len(arrivals.entity), np.bool_))


def decided(*payments: tuple[str, int, int]) -> Decided:
    """Decide payments of one card, given by id, seconds after noon and cents."""
    card = event_type_named("card")
    detector = Detector.of(CountingModel(), card)
    decider = Decider(NothingRemembered(), SameWeek(), detector, card)
    rows = [
        Payment(tid, CARD, NOON_MS + after_s * 1000, cents, (None,) * len(card.variables), "{}")
        for tid, after_s, cents in payments
    ]
    return asyncio.run(decider.decide(Batch({0: len(rows)}, rows, [None] * len(rows))))


def test_payments_are_decided_without_records() -> None:
    """Each finds those before it in its ten minutes; where in Kafka a payment was is for who read it there."""
    frame = decided(("a", 0, 100), ("b", 300, 200), ("c", 601, 300)).events.parts[0].events.frame()

    assert [1, 2, 2] == frame["num_trans_last_10m"].to_list()
    assert [1.0, 1.5, 2.5] == frame["avg_amt_last_10m"].to_list()
    assert {"score", "outcome", "reasons"} <= set(frame.columns)
    assert not {"source_topic", "source_partition", "source_offset", "queued_ms"} & set(frame.columns)


def test_a_payment_that_contradicts_another_is_named_and_not_decided() -> None:
    """Its row in the batch says which it is, so that whoever has the record can say what became of it."""
    done = decided(("a", 0, 100), ("a", 0, 200), ("b", 60, 300))

    assert [1] == done.conflicts.tolist()
    assert ["a", "b"] == done.events.parts[0].events.frame()["transaction_id"].to_list()
    assert 2 == len(done.entities)


def test_nothing_is_decided_of_no_payments() -> None:
    """A micro-batch may hold nothing but dead letters."""
    assert decided().events.parts[0].events.frame().is_empty()


def test_the_frame_holds_what_the_schema_declares() -> None:
    """Every column by the maker that it names, with its type; beside them the variables and the model's features."""
    frame = decided(("a", 0, 100), ("b", 30, 200)).events.parts[0].events.frame()
    columns = [each for each in vars(schema).values() if isinstance(each, schema.Column)]
    columns += [FEATURES[name].column for name in CountingModel.features if FEATURES[name].formula]
    later = ("record", "encoder")
    declared = {
        column.name: column.dtype
        for column in columns
        if column.maker not in later and column not in (*schema.IF_THERE, schema.FAILED_RULES)
    }

    assert declared | event_type_named("card").columns == dict(frame.schema)
