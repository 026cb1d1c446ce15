"""What each page of results shows, asked of the archive."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from fraudstream.analytics.archive import Archive
from fraudstream.analytics.attacks import alerts_by_day, largest, positions
from fraudstream.analytics.expected import by_period, label_delays, median_wait_days, to_come
from fraudstream.analytics.figures import PERIODS, TOTAL, figures
from fraudstream.analytics.rules import rule_table
from fraudstream.console.results.asked import Asked
from fraudstream.console.results.charts import Chart, Line, bars, curves
from fraudstream.domain.rules import OUTCOMES

Rows = list[dict[str, Any]]

FRAUD_ONLY = partial(label_delays, only_fraud=True)


async def overview(archive: Archive, asked: Asked) -> dict[str, Any] | None:
    """Return figures of each group and of all together, with the labels to come; None if there are no payments."""
    question = asked.question
    rows = await archive.ask(question, partial(figures, by=asked.by), ("figures", asked.by))
    if rows is None or not rows[-1]["payments"]:
        return None
    delays = await archive.ask(question, label_delays, "delays") or {}
    if asked.by in PERIODS:
        frauds = await archive.ask(question, FRAUD_ONLY, "fraud delays") or {}
        for name, found in (("labelled", delays), ("fraud", frauds)):
            expected = by_period(to_come(found, asked.today), asked.by)
            for row in rows[:-1]:
                known = expected.get(row["group"])
                row[f"{name}_expected"] = (
                    None if known is None or known.expected is None else round(known.expected)
                )
            each = [row[f"{name}_expected"] for row in rows[:-1]]
            rows[-1][f"{name}_expected"] = None if None in each else sum(each)
    *groups, total = rows
    return {
        "rows": groups,
        "total": total,
        "median_wait_days": median_wait_days(delays),
        "charts": charts(groups) if asked.by in PERIODS and len(groups) > 1 else [],
    }


def charts(rows: Rows) -> list[Chart]:
    """Return the charts over time."""
    names = [row["group"] for row in rows]

    def line(label: str, kind: str, column: str) -> Line:
        return Line(label, kind, [row[column] for row in rows])

    approved, review, blocked = OUTCOMES
    reviewed = Line(review, review, [row["alerts"] - row["blocked"] for row in rows])
    passed = Line(approved, approved, [row["payments"] - row["alerts"] for row in rows])
    drawn = [
        bars("Payments", names, [passed, reviewed, line(blocked, "block", "blocked")]),
        bars("Alerts", names, [reviewed, line(blocked, "block", "blocked")]),
        curves(
            "Precision and recall",
            names,
            [line("precision", "p50", "precision"), line("recall", "p99", "recall")],
            "share",
            1.0,
        ),
        bars(
            "Fraud by the labels known now",
            names,
            [line("caught", "approve", "caught"), line("missed", "block", "missed")],
        ),
        bars(
            "Money of fraud",
            names,
            [line("saved", "approve", "caught_amount"), line("lost", "block", "missed_amount")],
            "money",
        ),
    ]
    if any(row["latency_p99_ms"] is not None for row in rows):
        both = [line("half", "p50", "latency_p50_ms"), line("99 %", "p99", "latency_p99_ms")]
        drawn.append(curves("Latency", names, both, "ms"))
    return drawn


async def attacks(archive: Archive, asked: Asked) -> dict[str, Any] | None:
    """Return positions of first alerts, the worst attacks, and alerts against the capacity; None if there are no payments."""
    question = asked.question
    by_day = await archive.ask(
        question, partial(alerts_by_day, capacity=asked.capacity), ("alerts", asked.capacity)
    )
    if not by_day:
        return None
    placed = await archive.ask(question, positions, "positions") or []
    number = sum(row["attacks"] for row in placed)
    summed = {
        name: sum(row[name] for row in placed)
        for name in ("attacks", "payments", "alerts", "before_amount", "after_amount", "missed_after_amount")
    }
    names = [row["day"] for row in by_day]
    new = Line("on other cards", "review", [row["alerts"] - row["on_caught_cards"] for row in by_day])
    again = Line("on cards caught already", "p99", [row["on_caught_cards"] for row in by_day])
    first = Line("attacks", "review", [row["attacks"] for row in placed])
    return {
        "positions": placed,
        "attacks": number,
        "caught_at_first": placed[0]["attacks"] / number if number else None,
        "caught": (number - placed[-1]["attacks"]) / number if number else None,
        "summed": summed,
        "largest": await archive.ask(question, largest, "largest") or [],
        "alerts": by_day,
        "alerts_total": _total(
            by_day, ("alerts", "on_caught_cards", "over_capacity", "new_over_capacity"), "day"
        ),
        "charts": [
            bars(
                "Attacks by the payment of their first alert", [row["first_alert"] for row in placed], [first]
            ),
            bars("Alerts a day", names, [new, again]),
        ],
    }


async def rules(archive: Archive, asked: Asked) -> Rows | None:
    """Return the table of rules; None if there are no payments of these days."""
    return await archive.ask(asked.question, rule_table, "rules")


def _total(rows: Rows, names: Sequence[str], first: str) -> dict[str, Any]:
    each = {name: [row[name] for row in rows] for name in names}
    return {first: TOTAL} | {name: None if None in values else sum(values) for name, values in each.items()}
