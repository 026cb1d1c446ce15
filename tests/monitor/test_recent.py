"""The newest decisions, newest first, found by id and by card."""

import msgspec

from fraudstream.monitor.recent import DecidedChunk, RecentDecisions

CARD = "0f" * 16
OTHER = "1e" * 16


def chunk(*rows: tuple[str, str, str]) -> DecidedChunk:
    """A micro-batch of (transaction id, card, outcome)."""
    names = ("transaction_id", "card", "outcome")
    decisions = [dict(zip(names, row, strict=True)) for row in rows]
    return DecidedChunk([outcome for *_, outcome in rows], [msgspec.json.encode(d) for d in decisions])


def ids(decisions: list[dict[str, object]]) -> list[object]:
    """Name decisions by their transaction."""
    return [decision["transaction_id"] for decision in decisions]


def test_the_newest_decision_comes_first():
    """Across micro-batches and within one."""
    recent = RecentDecisions()
    recent.add(chunk(("a", CARD, "approve"), ("b", CARD, "approve")))
    recent.add(chunk(("c", CARD, "approve")))

    assert ["c", "b"] == ids(recent.latest(2))
    assert ["c", "b", "a"] == ids(recent.latest(50))


def test_alerts_are_what_was_not_approved_and_outlive_the_approvals_around_them():
    """At full speed, the memory for all decisions lasts half a second."""
    recent = RecentDecisions(capacity=2)
    recent.add(chunk(("a", CARD, "block"), ("b", OTHER, "approve"), ("c", CARD, "review")))
    recent.add(chunk(("d", OTHER, "approve"), ("e", OTHER, "approve")))

    assert ["c", "a"] == ids(recent.alerts(10))
    assert ["e", "d"] == ids(recent.latest(10))
    assert "block" == (recent.by_id("a") or {})["outcome"]
    assert recent.by_id("b") is None


def test_pages_join_without_gap_or_repetition_while_decisions_arrive():
    """The cursor counts from the beginning, not from the newest."""
    recent = RecentDecisions()
    recent.add(chunk(*[(str(number), CARD, "block") for number in range(5)]))
    first = recent.alerts_page(2)
    recent.add(chunk(("5", CARD, "block")))
    second = recent.alerts_page(2, first.next_before)
    third = recent.alerts_page(2, second.next_before)

    assert ["4", "3"] == ids(first.decisions)
    assert ["2", "1"] == ids(second.decisions)
    assert ["0"] == ids(third.decisions)
    assert third.next_before is None


def test_a_card_s_decisions_are_its_own():
    """A token that only occurs elsewhere in a decision does not count."""
    recent = RecentDecisions(capacity=3)
    recent.add(
        chunk(("a", CARD, "block"), ("b", CARD, "approve"), (CARD, OTHER, "approve"), ("d", CARD, "review"))
    )

    assert ["d", "b", "a"] == ids(recent.by_card(CARD, 10))
    assert ["d", "b"] == ids(recent.by_card(CARD, 2))
    assert [CARD] == ids(recent.by_card(OTHER, 10))


def test_an_id_is_found_whatever_it_is_spelled_with():
    """Quotes and non-ASCII letters are escaped in JSON as the search escapes them."""
    recent = RecentDecisions()
    recent.add(chunk(('q"uo\\te', CARD, "approve"), ("zürich-1", CARD, "approve"), ("1", CARD, "approve")))

    assert recent.by_id('q"uo\\te') is not None
    assert recent.by_id("zürich-1") is not None
    assert recent.by_id("zürich") is None
