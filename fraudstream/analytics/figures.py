"""Figures of decided payments by day, week, month or any column: rates, outcomes, latency, and what the labels known so far say.

What is counted is what `fraudstream labels report` counts, by the same names; a test holds both together.
"""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from fraudstream.adapters.archive.filters import FilterError
from fraudstream.adapters.archive.sql import quoted
from fraudstream.analytics.decided import Decided
from fraudstream.domain.names import did_you_mean
from fraudstream.offline.label_report import AMOUNTS, with_ratios

Period = Literal["day", "week", "month"]
PERIODS: tuple[str, ...] = get_args(Period)
"""Of event times in the question's time zone; weeks begin on Monday."""

GROUPS_MAX = 200
"""Groups of a column that is no time: the values with the most payments; all others are one."""

COUNTED: Mapping[str, str] = {
    "payments": "count(*)",
    "alerts": "count(*) FILTER (alert)",
    "blocked": "count(*) FILTER (blocked)",
    "labelled": "count(*) FILTER (labelled)",
    "fraud": "count(*) FILTER (known_fraud)",
    "caught": "count(*) FILTER (known_fraud AND alert)",
    "missed": "count(*) FILTER (known_fraud AND NOT alert)",
    "wrong_alerts": "count(*) FILTER (known_legitimate AND alert)",
    "blocked_unlabelled": "count(*) FILTER (blocked AND NOT labelled)",
    "let_through": "count(*) FILTER (coalesce(len(passed_rules), 0) > 0 AND NOT blocked)",
    "never_let_through": "count(*) FILTER (blocked AND coalesce(propensity, 1.0) = 1.0)",
    "weighted_caught": "coalesce(sum(weight) FILTER (known_fraud AND held), 0.0)",
    "weighted_missed": "coalesce(sum(weight) FILTER (known_fraud AND NOT held), 0.0)",
    "weighted_wrong": "coalesce(sum(weight) FILTER (known_legitimate AND held), 0.0)",
    "caught_amount": "coalesce(sum(cents) FILTER (known_fraud AND alert), 0)",
    "missed_amount": "coalesce(sum(cents) FILTER (known_fraud AND NOT alert), 0)",
    "weighted_caught_amount": "coalesce(sum(weight * cents) FILTER (known_fraud AND held), 0.0)",
}
"""What label_report.COUNTS and AMOUNTS name; amounts in minor units here."""

BESIDE: Mapping[str, str] = {
    "amount": "coalesce(sum(cents), 0)",
    "degraded": "count(*) FILTER (len(degraded) > 0)",
    "mean_score": "avg(score)",
    "latency_p50_ms": "approx_quantile(decided_in_ms, 0.5)",
    "latency_p99_ms": "approx_quantile(decided_in_ms, 0.99)",
}
"""What the archive says beside that; latency is null where it does not."""

MONEY = (*AMOUNTS, "amount")
TOTAL, NO_VALUE, OTHERS = "total", "(none)", "(others)"


def figures(decided: Decided, by: str = "day") -> list[dict[str, Any]]:
    """Return the figures of each group, in order of time, or else the largest first; the last row, `total`, is of all together.

    `group` is the first day of a period, or the column's value as text. Raises FilterError if there is no such column.
    """
    named = ", ".join(f"{sql} AS {name}" for name, sql in {**COUNTED, **BESIDE}.items())
    top, key, order = _key(decided, by)
    rows = decided.rows(
        f"""{top} SELECT "group", grouping("group") AS is_total, {named}
FROM (SELECT *, {key} AS "group" FROM decided) GROUP BY GROUPING SETS (("group"), ())
ORDER BY is_total, {order}"""
    )
    return [_told(row, decided.units) for row in rows]


def _key(decided: Decided, by: str) -> tuple[str, str, str]:
    """Return what comes before the query, the expression of a group, and in which order groups come.

    Of a column only so many values have groups: a million groups would need more memory than the figures of all.
    """
    if by in PERIODS:
        return "", decided.period(by), '"group"'
    kind = decided.columns.get(by)
    if kind is None or kind.endswith("[]"):
        groupable = [name for name, each in decided.columns.items() if not each.endswith("[]")]
        raise FilterError(f"decisions cannot be grouped by that{did_you_mean(by, groupable)}")
    text = f"coalesce(CAST({quoted(by)} AS VARCHAR), '{NO_VALUE}')"
    top = f""", top AS (
  SELECT {text} AS value FROM decided GROUP BY value ORDER BY count(*) DESC, value LIMIT {GROUPS_MAX})"""
    key = f"CASE WHEN {text} IN (SELECT value FROM top) THEN {text} ELSE '{OTHERS}' END"
    return top, key, f'"group" = \'{OTHERS}\', payments DESC, "group"'


def _told(row: dict[str, Any], units: int) -> dict[str, Any]:
    is_total = row.pop("is_total")
    money = {name: float(row[name]) / units for name in MONEY}
    told = with_ratios(row | money)
    group = row["group"]
    told["group"] = TOTAL if is_total else str(group)
    told["alert_rate"] = row["alerts"] / row["payments"] if row["payments"] else None
    told["block_rate"] = row["blocked"] / row["payments"] if row["payments"] else None
    return told
