"""The acceptance story as text: one line per payment, one per run."""

import time

import click

from fraudstream.acceptance.live import Line, StoryResult

HEADER = "sent                 card      amount  10 min: n, mean        p  outcome  verdict    expected"


def shown(line: Line) -> str:
    """Return one payment of the story in one line."""
    sent_at = time.strftime("%H:%M:%S", time.localtime(line.sent_at_ms / 1000))
    how = "keyed" if line.keyed else "unkeyed"
    start = f"{sent_at} {how:<7} {line.position:>2}  **{line.card_last4} {line.amount:>9,.2f}"
    expected = "fraud" if line.expected_fraud else "not fraud"
    if line.decision is None:
        return (
            f"{start}  no decision within {line.waited_ms / 1000:.0f} s, expected {expected}  {_mark(False)}"
        )
    decision = line.decision
    features = decision["features"]
    count, mean = features["num_trans_last_10m"], features["avg_amt_last_10m"]
    called = "FRAUD" if decision["fraud"] else "not fraud"
    reasons = f"  {'; '.join(decision['reasons'])}" if decision["reasons"] else ""
    return (
        f"{start}  {count:>9}, {mean:>9,.2f}  {decision['probability']:>7.4f}  {decision['outcome']:<7}  "
        f"{called:<9}  {expected:<9} {_mark(line.ok)}{reasons}"
    )


def closing(result: StoryResult) -> str:
    """Say how one run of the story ended."""
    wrong = sum(not line.ok for line in result.lines)
    how = "keyed" if result.keyed else "unkeyed"
    if result.passed:
        return (
            click.style("PASS", fg="green", bold=True)
            + f" {how}: all {len(result.lines)} payments as expected"
        )
    return (
        click.style("FAIL", fg="red", bold=True)
        + f" {how}: {wrong} of {len(result.lines)} payments not as expected"
    )


def _mark(ok: bool) -> str:
    return click.style("ok   ", fg="green") if ok else click.style("WRONG", fg="red", bold=True)
