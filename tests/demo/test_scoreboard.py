"""The demo's figures: decisions and labels meet in any order, and only what the demo itself saw counts."""

import time

from fraudstream.demo.scoreboard import Decision, Label, Scoreboard
from fraudstream.demo.screen import figures

NOW = time.time()
NOW_MS = int(NOW * 1000)


def decided(tid: str, outcome: str = "approve", paid_ms: int = NOW_MS) -> Decision:
    """Return a decision."""
    return Decision(tid, "4242", paid_ms, 12.5, 0.5, outcome, [])


def test_precision_and_recall_count_payments() -> None:
    """Two alerts, one of them fraud; two frauds, one of them an alert."""
    board = Scoreboard(since_ms=0)
    for tid, outcome, fraud in (
        ("a", "block", True),
        ("b", "review", False),
        ("c", "approve", True),
        ("d", "approve", False),
    ):
        board.add_decision(decided(tid, outcome), NOW)
        board.add_label(Label(tid, fraud, ""))

    assert (4, 2, 2) == (board.decided, board.alerts, board.fraud)
    assert (0.5, 0.5) == (board.precision, board.recall)


def test_a_label_may_come_before_its_decision() -> None:
    """They are different topics: nobody promises an order."""
    board = Scoreboard(since_ms=0)
    board.add_label(Label("a", True, "chain"))
    assert (None, None) == (board.precision, board.recall)
    board.add_decision(decided("a", "block"), NOW)

    assert (1.0, 1.0) == (board.precision, board.recall)


def test_payments_without_labels_are_decided_but_not_judged() -> None:
    """The acceptance story's payments have none: nobody simulated them."""
    board = Scoreboard(since_ms=0)
    board.add_decision(decided("story-1", "block"), NOW)

    assert (1, 1, None, None) == (board.decided, board.alerts, board.precision, board.recall)


def test_what_an_earlier_demo_left_undecided_does_not_count() -> None:
    """Its latency would be the length of the break."""
    board = Scoreboard(since_ms=NOW_MS)
    board.add_decision(decided("old", "block", NOW_MS - 1), NOW)

    assert (0, 0, None) == (board.decided, board.alerts, board.latency)


def test_latency_runs_from_when_a_payment_was_due_to_its_decision_read() -> None:
    """The wait before it is sent is included."""
    board = Scoreboard(since_ms=0)
    for number in range(100):
        board.add_decision(decided(str(number), paid_ms=NOW_MS - number), NOW_MS / 1000)

    assert board.latency is not None
    assert 49.5 == board.latency.p50
    assert 98.0 == board.latency.p99
    assert "10 payments/s · p50 49.5 ms, p99 98.0 ms · 100 decided" in figures(board.figures())


def test_the_first_alert_is_remembered() -> None:
    """It shows how long a user waits for the first one."""
    board = Scoreboard(since_ms=0)
    for tid, outcome, read_at in (("a", "approve", NOW), ("b", "block", NOW + 1), ("c", "block", NOW + 2)):
        board.add_decision(decided(tid, outcome), read_at)

    assert NOW + 1 == board.first_alert_at
    assert ["c", "b"] == [alert.transaction_id for alert in board.latest]
