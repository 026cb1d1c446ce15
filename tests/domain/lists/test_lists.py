"""What is on a list, when, and how rules ask for it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import SetupError
from fraudstream.domain.event_columns import FewEvents, Known
from fraudstream.domain.features.inputs import with_amount
from fraudstream.domain.features.schema import IF_THERE, JUDGED, Column
from fraudstream.domain.few_detector import FewDetector
from fraudstream.domain.lists.calls import asked
from fraudstream.domain.lists.entries import SNOOZE, Change, Listed, Listing, parsed
from fraudstream.domain.lists.presence import KEPT_MS
from fraudstream.domain.lists.table import Lists, ListTable
from fraudstream.domain.rules import Rule, Ruleset
from tests.builders import CountingModel, payments_frame

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOON_MS = round(NOON.timestamp() * 1000)
DENY = Change("deny", None, Listing("text", "deny", "ann", NOON))
ON = Listed("ann", NOON, "chargebacks")


def table(*changes: Change) -> ListTable:
    """Return a table with these records, a second apart."""
    made = ListTable()
    for offset, change in enumerate(changes):
        made.apply(change, offset, NOON_MS + 1000 * offset)
    return made


def test_a_value_is_on_a_list_until_its_end_by_the_events_time() -> None:
    """Whenever the event is decided."""
    lists = table(DENY, Change("deny", "a", ON), Change("deny", "b", Listed("ann", NOON, expires_at=NOON)))

    assert (True, True) == (lists.has("deny", "a", NOON_MS), lists.has("deny", "b", NOON_MS - 1))
    assert (False, False) == (lists.has("deny", "b", NOON_MS), lists.has("deny", "c", NOON_MS))
    assert lists.has("dney", "a", NOON_MS) is None


def test_former_states_are_known_by_their_revision_for_some_days() -> None:
    """So that a decision can be made again with the lists of then."""
    lists = table(DENY, Change("deny", "a", ON), Change("deny", "a", None), Change("deny", "a", ON))

    assert [False, True, False, True] == [lists.has("deny", "a", NOON_MS, each) for each in (1, 2, 3, 4)]
    lists.forget(NOON_MS + 10_000)
    assert (True, 1) == (lists.has("deny", "a", NOON_MS), lists.entries)


def test_what_was_removed_is_forgotten_after_some_days() -> None:
    """Its memory is free again."""
    lists = table(DENY, Change("deny", "a", ON), Change("deny", "a", None))
    lists.apply(DENY, 9, NOON_MS + KEPT_MS + 10_000)

    assert (0, False, 10) == (lists.entries, lists.has("deny", "a", NOON_MS), lists.revision)


def test_records_that_come_again_change_nothing() -> None:
    """A topic that is read again has them all."""
    lists = table(DENY, Change("deny", "a", ON))
    lists.apply(Change("deny", "a", None), 1, NOON_MS)

    assert (True, 2) == (lists.has("deny", "a", NOON_MS), lists.revision)


UNTIL = {"for ever": ON, "until noon": Listed("ann", NOON, expires_at=NOON), "off": None}
changes = st.one_of(
    st.builds(
        lambda name, value, state: Change(name, value, UNTIL[state]),
        st.sampled_from(["deny", "watch", SNOOZE + "r"]),
        st.sampled_from("ab"),
        st.sampled_from([*UNTIL]),
    ),
    st.sampled_from([DENY, Change("deny", None, None)]),
)


def all_answers(lists: Lists) -> list[object]:
    """Return everything that rules can ask."""
    asked = ((name, value) for name in ("deny", "watch", SNOOZE + "r") for value in "abc")
    has = [lists.has(name, value, at_ms) for name, value in asked for at_ms in (NOON_MS - 1, NOON_MS)]
    return [lists.revision, lists.has_snoozes, *has]


@given(st.lists(changes, max_size=16), st.integers(0, 16))
def test_the_lists_of_a_revision_answer_as_the_table_that_has_read_no_further(
    some: list[Change], revision: int
) -> None:
    """Also whether there is a list at all, and whether rules are snoozed; the oracle is a table with the first records alone."""
    revision = min(revision, len(some))

    assert all_answers(table(*some[:revision])) == all_answers(table(*some).at(revision))


@given(st.lists(changes, max_size=16), st.integers(0, 16), st.integers(0, 16), st.booleans())
def test_the_lists_of_a_revision_survive_the_compaction_of_what_came_before(
    some: list[Change], revision: int, compacted_to: int, removals_too: bool
) -> None:
    """Brokers keep the last record of each key among those that are old enough, later not even that if it removes."""
    revision = min(revision, len(some))
    last = {change.key: offset for offset, change in enumerate(some[: min(compacted_to, revision)])}
    compacted = ListTable()
    for offset, change in enumerate(some):
        is_old = offset < min(compacted_to, revision)
        is_gone = offset != last.get(change.key) or (removals_too and change.said is None)
        if not (is_old and is_gone):
            compacted.apply(change, offset, NOON_MS + 1000 * offset)

    assert all_answers(table(*some[:revision]))[1:] == all_answers(compacted.at(revision))[1:]


@given(st.lists(changes, max_size=16))
def test_the_newest_lists_hold_the_last_record_of_each_value(some: list[Change]) -> None:
    """The oracle is a dictionary; a list that was never made is there while something is on it."""
    lists, last = table(*some), {change.key: change for change in some}
    for name in ("deny", "watch", SNOOZE + "r"):
        own = [each for each in last.values() if each.name == name and each.said is not None]
        for value, at_ms in ((value, at_ms) for value in "abc" for at_ms in (NOON_MS - 1, NOON_MS)):
            on = any(each.value == value and (each.said is ON or at_ms < NOON_MS) for each in own)
            assert (on if own else None) is lists.has(name, value, at_ms)
    assert lists.has_snoozes is any(each.name.startswith(SNOOZE) and each.said for each in last.values())


@pytest.mark.parametrize(
    ("key", "content", "complaint"),
    [
        (b"deny", b"{}", "not a record of lists"),
        (None, b"{}", "not a record of lists"),
        (b'["a/b","x"]', b"{}", "names no list"),
        (b'["a","b","c"]', b"{}", "names no list"),
        (b'["deny",""]', b"{}", "has 0 characters; 1 to 256"),
        (b'["deny","x"]', b'{"by": 3}', "not a record of lists"),
        (b'["deny","x"]', b'{"by": "ann", "at": "2026-03-01T12:00:00"}', "not a record of lists"),
    ],
)
def test_a_record_that_is_none_is_said(key: bytes | None, content: bytes, complaint: str) -> None:
    """Somebody else may have written it."""
    with pytest.raises(SetupError, match=complaint):
        parsed(key, content)


def test_a_record_is_read_as_it_was_written() -> None:
    """Lists, entries, and what removes them."""
    for change in (
        DENY,
        Change("deny", "ä/\"b'", ON),
        Change("deny", "a", None),
        Change(SNOOZE + "a rule", "x", ON),
    ):
        assert change == parsed(change.key, change.content)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("amount > 5", "amount > 5"),
        ("IN_LIST ( 'deny' , merchant )", "\"in_list('deny', merchant)\""),
        ("merchant = 'in_list(''deny'', merchant)'", "merchant = 'in_list(''deny'', merchant)'"),
        ("amount > 5 -- in_list('deny', x)\n", "amount > 5 -- in_list('deny', x)\n"),
    ],
)
def test_a_call_is_found_where_it_is_one(sql: str, expected: str) -> None:
    """And not within texts and comments."""
    assert expected == asked(sql).sql


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("in_list(merchant, 'deny')", r"uses in_list otherwise than so: in_list\('name of a list', variable\)"),
        ("in_list('deny', merchant || 'x')", "uses in_list otherwise than so"),
        ("in_list('deny', merchnt)", "looks in list deny for merchnt, which is no text or whole number of an event; did you mean merchant"),
        ("in_list('deny', amount)", "looks in list deny for amount, which is no text"),
    ],
)  # fmt: skip
def test_a_wrong_call_is_said(sql: str, complaint: str) -> None:
    """With what there is."""
    with pytest.raises(SetupError, match=complaint):
        Rule("r", sql, "block").check({"amount": pl.Float64, "merchant": pl.String})


def decided(rules: list[Rule], lists: ListTable, **columns: list[Any]) -> list[dict[str, Any]]:
    """Return what many events are decided like, after comparing it with few."""
    event_type = event_type_named("card")
    detector = replace(Detector.of(CountingModel(), replace(event_type, ruleset=Ruleset(rules))), lists=lists)
    rows = max(map(len, columns.values()))
    frame = with_amount(payments_frame(cents=[500] * rows)).with_columns(
        pl.lit(None, pl.String).alias("weekly_missing"),
        pl.lit(NOON_MS).alias("event_time"),
        *(pl.Series(name, values, pl.String) for name, values in columns.items()),
    )
    if "card" not in frame.columns:
        frame = frame.with_columns(pl.lit(None, pl.String).alias("card"))
    few_detector = FewDetector.of(detector, event_type)
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
    return many.select(said).to_dicts()


def test_rules_ask_lists_for_few_events_as_for_many() -> None:
    """A missing value is on no list, nor is it not on one; a list that there is not is unknown."""
    rules = [
        Rule("denied", "in_list('deny', merchant)", "block"),
        Rule("others", "NOT in_list('deny', merchant) AND amount > 1", "review"),
        Rule("unknown", "in_list('dney', merchant) OR NOT in_list('dney', merchant)", "block"),
    ]
    said = decided(rules, table(DENY, Change("deny", "a", ON)), merchant=["a", "b", None])

    assert [["denied"], ["others"], []] == [each["rules"] for each in said]
    assert [2, 2, 2] == [each["lists_as_of"] for each in said]


def test_cards_are_listed_by_their_tokens() -> None:
    """The variable is called card."""
    cards = Change("cards", "00ff", ON)
    said = decided([Rule("r", "in_list('cards', card)", "block")], table(DENY, cards), card=["00ff", "ff00"])

    assert ["block", "approve"] == [each["outcome"] for each in said]


def test_a_snoozed_rule_does_not_judge_that_entity_until_the_snooze_ends() -> None:
    """Other rules do, and the decision says so."""
    rules = [Rule("small", "amount < 100", "block"), Rule("any", "amount > 1", "review")]
    until = Listed("ann", NOON, "they called", NOON + timedelta(hours=1))
    asleep = table(Change(SNOOZE + "small", "00ff", until))
    said = decided(rules, asleep, card=["00ff", "ff00", None])

    assert [["any"], ["small", "any"], ["small", "any"]] == [each["rules"] for each in said]
    assert [["small"], [], []] == [each["snoozed_rules"] for each in said]
    assert ["review", "block", "block"] == [each["outcome"] for each in said]
    over = table(Change(SNOOZE + "small", "00ff", Listed("ann", NOON, expires_at=NOON)))
    assert ["small", "any"] == decided(rules, over, card=["00ff"])[0]["rules"]


def test_rules_that_ask_no_lists_say_nothing_of_them() -> None:
    """Whatever is on lists."""
    (said,) = decided(
        [Rule("r", "amount > 1", "block")], table(DENY, Change("deny", "a", ON)), merchant=["a"]
    )

    assert said.keys().isdisjoint({"lists_as_of", "snoozed_rules"})
