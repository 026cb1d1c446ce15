"""Many events are judged as few are, only faster."""

from datetime import UTC, datetime

import numpy as np
import polars as pl

from fraudstream.domain.lists.entries import Change, Listed, Listing
from fraudstream.domain.lists.table import MANY as MANY_VALUES
from fraudstream.domain.lists.table import ListTable
from fraudstream.domain.rules import Rule, Ruleset
from fraudstream.domain.rules.ruleset import MANY

NOW = datetime(2026, 11, 1, tzinfo=UTC)
ROWS = max(MANY, MANY_VALUES) + 500


def events() -> pl.DataFrame:
    """Return so many that they are judged as many."""
    random = np.random.default_rng(1)
    merchants = pl.Series([None, "a", "b", "c", "d"])
    return pl.DataFrame(
        {
            "amount": random.integers(0, 100, ROWS).astype(float),
            "merchant": merchants.gather(random.integers(0, 5, ROWS)),
            "event_time": random.integers(0, 1000, ROWS),
        }
    )


def in_slices(ruleset: Ruleset, lists: ListTable) -> pl.DataFrame:
    """Return the events judged a few at a time."""
    return pl.concat(ruleset.judge(some, lists) for some in events().iter_slices(100))


def test_rules_that_hold_for_many_events() -> None:
    """Also more than 64 rules, of which some hold never."""
    rules = [
        Rule(f"r{number}", f"amount > {number * 2}", "block" if number > 45 else "review")
        for number in range(70)
    ]

    for ruleset in (Ruleset(rules[:5]), Ruleset(rules), Ruleset(rules[::-1], "first_match")):
        judged = ruleset.judge(events())
        assert in_slices(ruleset, ListTable()).equals(judged)
        assert (ruleset.concerned(events()) == (judged["rules"].list.len() > 0).to_numpy()).all()


def test_lists_that_are_asked_for_many_events() -> None:
    """A value that is on a list for ever, one until a time, one that was taken off, and a list that is not there."""
    table = ListTable()
    until = datetime.fromtimestamp(0.5, UTC)
    entries = {"a": Listed("me", NOW), "b": Listed("me", NOW, expires_at=until), "c": Listed("me", NOW)}
    changes = [Change("deny", None, Listing("text", "deny", "me", NOW))]
    changes += [Change("deny", value, entry) for value, entry in entries.items()]
    for offset, change in enumerate([*changes, Change("deny", "c", None)]):
        table.apply(change, offset, 0)
    asked = Ruleset(
        [
            Rule("listed", "in_list('deny', merchant)", "block"),
            Rule("not listed", "NOT in_list('deny', merchant)", "review"),
            Rule("no list", "in_list('none', merchant) OR NOT in_list('none', merchant)", "review"),
        ]
    )
    judged = asked.judge(events(), table)

    assert in_slices(asked, table).equals(judged)
    assert {("a",), ("b",)} == set(
        judged.filter(pl.col("outcome") == "block").select("merchant").unique().rows()
    )
