"""Rules that leave a share of events alone, and the probability with which a decision is what it is."""

from itertools import product
from typing import Any, get_args

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.domain.rules import Mode, Outcome, Rule, Ruleset
from fraudstream.domain.rules.judging import Judge

SHARES = (0.0, 0.25, 0.5)


def frame(events: int) -> pl.DataFrame:
    """Return events with ids of their own."""
    return pl.DataFrame({"transaction_id": [f"t{number}" for number in range(events)], "amount": 5.0})


def test_a_share_of_the_events_is_left_alone_the_same_each_time() -> None:
    """By a hash of rule and transaction id."""
    ruleset = Ruleset([Rule("r", "amount > 1", "block", pass_share=0.1)])
    judged = ruleset.judge(frame(20_000))
    passed = judged.filter(pl.col("passed_rules").list.len() > 0)

    assert 2000 == pytest.approx(passed.height, rel=0.1)
    assert [("approve", 0.1)] == passed.select("outcome", "propensity").unique().rows()
    assert [("block", 0.9)] == judged.filter(pl.col("outcome") == "block").select(
        "outcome", "propensity"
    ).unique().rows()
    assert judged.equals(ruleset.judge(frame(20_000)))


def test_two_rules_leave_different_events_alone() -> None:
    """Otherwise nothing could be learnt about one of them."""
    rules = [Rule(name, "amount > 1", "block", pass_share=0.5) for name in ("one", "other")]
    judged = Ruleset(rules).judge(frame(4_000))

    assert 1000 == pytest.approx(judged.filter(pl.col("outcome") == "approve").height, rel=0.15)


def test_where_no_rule_holds_nothing_is_left_to_chance() -> None:
    """The propensity is 1."""
    judged = Ruleset([Rule("r", "amount > 10", "block", pass_share=0.5)]).judge(frame(1))

    assert ("approve", [], 1.0) == judged.select("outcome", "passed_rules", "propensity").row(0)


rules = st.lists(
    st.builds(
        Rule,
        st.uuids().map(str),
        st.just("amount > 1"),
        st.sampled_from(get_args(Outcome)),
        pass_share=st.sampled_from(SHARES),
        overrides=st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


@given(rules, st.sampled_from(get_args(Mode)))
def test_the_propensity_is_the_sum_over_all_that_chance_could_do(some: list[Rule], mode: Any) -> None:
    """The oracle tries every subset of rules left alone."""
    if mode == "first_match":
        some = [msgspec.structs.replace(rule, overrides=False) for rule in some]
    some[0] = msgspec.structs.replace(some[0], pass_share=0.5)
    names, outcome, passed, propensity = Judge.of(some, mode == "first_match").judged(
        some, {"transaction_id": "t"}
    )
    expected = 0.0
    for left_alone in product([False, True], repeat=len(some)):
        chance = 1.0
        for rule, alone in zip(some, left_alone, strict=True):
            chance *= rule.pass_share if alone else 1 - rule.pass_share
        acting = [
            msgspec.structs.replace(rule, pass_share=0)
            for rule, alone in zip(some, left_alone, strict=True)
            if not alone
        ]
        if outcome == Judge.of(acting, mode == "first_match").judged(acting, {})[1]:
            expected += chance

    assert expected == pytest.approx(propensity)
    assert set(passed).isdisjoint(names)
