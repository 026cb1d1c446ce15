"""Rules say the same of few events and of many, whatever they are made of."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import msgspec
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.detector import Detector
from fraudstream.domain.event_columns import FewEvents, Known
from fraudstream.domain.features.inputs import with_amount
from fraudstream.domain.features.schema import IF_THERE, JUDGED, WEEKLY_AS_OF, Column
from fraudstream.domain.few_detector import FewDetector
from fraudstream.domain.rules import Mode, Outcome, Rule, Ruleset, RuleState
from tests.builders import CountingModel, payments_frame

CARD = event_type_named("card")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONDITIONS = (
    "amount > 10",
    "num_trans_last_1m >= 2",
    "merchant = 'a'",
    "merchant IS NULL OR amount < 5",
    "probability > 0.5",
)

rules = st.lists(
    st.builds(
        Rule,
        st.sampled_from([f"rule {number}" for number in range(9)]),
        st.sampled_from(CONDITIONS),
        st.sampled_from(get_args(Outcome)),
        priority=st.integers(-1, 1),
        reason=st.sampled_from(["", "because"]),
        expires_at=st.sampled_from([None, NOON, NOON + timedelta(seconds=2)]),
        pass_share=st.sampled_from([0.0, 0.3, 0.9]),
        state=st.sampled_from(get_args(RuleState)),
        overrides=st.booleans(),
    ),
    max_size=6,
    unique_by=lambda rule: rule.name,
)
payments = st.lists(
    st.tuples(
        st.integers(-500, 2000), st.integers(1, 3), st.sampled_from(["a", "b", None]), st.integers(0, 4)
    ),
    min_size=1,
    max_size=12,
)


def known(some: list[tuple[Any, ...]]) -> pl.DataFrame:
    """Return what is known of payments."""
    cents, counts, merchants, seconds = zip(*some, strict=True)
    first_ms = round(NOON.timestamp() * 1000)
    frame = payments_frame(cents=list(cents), num_trans_last_1m=list(counts), merchant=list(merchants))
    return frame.with_columns(
        pl.Series("transaction_id", [f"t{row}" for row in range(len(some))]),
        pl.Series("event_time", [first_ms + 1000 * second for second in seconds]),
        pl.Series("weekly_missing", [None] * len(some), pl.String),
    )


@settings(max_examples=150)
@given(rules, st.sampled_from(get_args(Mode)), payments)
def test_few_events_are_judged_as_many(some: list[Rule], mode: Mode, paid: list[tuple[Any, ...]]) -> None:
    """Every field that the rules make, bit by bit."""
    if mode == "first_match":
        some = [msgspec.structs.replace(rule, overrides=False) for rule in some]
    detector = Detector.of(CountingModel(), replace(CARD, ruleset=Ruleset(some, mode)))
    frame = with_amount(known(paid))
    few_detector = FewDetector.of(detector, CARD)
    assert few_detector is not None
    few = FewEvents.of(
        frame.height,
        [Known(Column(name, frame.schema[name], "payment"), frame[name].to_list()) for name in frame.columns],
    )
    few_detector.decide(few)
    many = detector.decide(frame)
    said = [column.name for column in (*JUDGED, *IF_THERE) if column.name in many.columns]

    assert [*said] == [column.name for column in (*JUDGED, *IF_THERE) if few.has(column)]
    assert many.select(said).equals(few.frame().select(said))
    assert WEEKLY_AS_OF.name not in said
