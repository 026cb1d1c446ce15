"""Attacks instead of payments: at which payment the first alert came, what was lost before and saved after it, and what alerts cost.

An attack is the labelled frauds of one entity, such as a card, of which each comes within a day of the one before (ATTACK_GAP_MS, as in
the report of a model). Whoever reviews the first alert of an attack can stop the card: what comes after that alert need not be lost, and
further alerts on the card tell nothing new.
"""

from typing import Any

from fraudstream.analytics.decided import PLACE, Decided
from fraudstream.report.groups import ATTACK_GAP_MS, POSITIONS

ORDER = f"event_time, {PLACE}"

ATTACKS = f"""frauds AS (
  SELECT card, event_time, alert, outcome, cents, {PLACE} AS source_number
  FROM decided WHERE known_fraud AND card IS NOT NULL
), begun AS (
  SELECT *, coalesce(event_time - lag(event_time) OVER ordered > {ATTACK_GAP_MS}, true) AS begins FROM frauds
  WINDOW ordered AS (PARTITION BY card ORDER BY {ORDER})
), numbered AS (
  SELECT *, sum(CAST(begins AS INTEGER)) OVER ordered AS attack FROM begun
  WINDOW ordered AS (PARTITION BY card ORDER BY {ORDER})
), placed AS (
  SELECT *, row_number() OVER ordered AS position FROM numbered
  WINDOW ordered AS (PARTITION BY card, attack ORDER BY {ORDER})
), firsts AS (
  SELECT *, min(position) FILTER (alert) OVER (PARTITION BY card, attack) AS first_alert FROM placed
), attacks AS (
  SELECT card, attack, min(event_time) AS begins_at, max(event_time) AS ends_at, count(*) AS payments, any_value(first_alert) AS first_alert,
    min(event_time) FILTER (position = first_alert) AS first_alert_at,
    sum(cents) AS cents,
    coalesce(sum(cents) FILTER (first_alert IS NULL OR position < first_alert), 0) AS before_cents,
    coalesce(sum(cents) FILTER (position >= first_alert), 0) AS after_cents,
    coalesce(sum(cents) FILTER (position > first_alert AND NOT alert), 0) AS missed_after_cents,
    count(*) FILTER (alert) AS alerts
  FROM firsts GROUP BY card, attack
)"""

POSITION_NAMES = (*(str(number) for number in range(1, POSITIONS)), f"{POSITIONS} and later", "never")
LARGEST = 50
"""Attacks that are listed: those that lost most before the first alert."""


def positions(decided: Decided) -> list[dict[str, Any]]:
    """Return, per position of the first alert in its attack, how many attacks there are, and their money before and after it."""
    rows = decided.rows(
        f""", {ATTACKS} SELECT CASE WHEN first_alert IS NULL THEN {POSITIONS} ELSE least(first_alert, {POSITIONS}) - 1 END AS place,
  count(*) AS attacks, sum(payments) AS payments, sum(alerts) AS alerts, sum(cents) AS cents, sum(before_cents) AS before_cents,
  sum(after_cents) AS after_cents, sum(missed_after_cents) AS missed_after_cents
FROM attacks GROUP BY ALL"""
    )
    found = {row["place"]: row for row in rows}
    empty = dict.fromkeys(
        ("attacks", "payments", "alerts", "cents", "before_cents", "after_cents", "missed_after_cents"), 0
    )
    return [
        {"first_alert": name, **_money({**empty, **found.get(place, {})}, decided.units)}
        for place, name in enumerate(POSITION_NAMES)
    ]


def largest(decided: Decided) -> list[dict[str, Any]]:
    """Return the attacks that lost most before their first alert, with card token, times (epoch ms) and money."""
    rows = decided.rows(
        f", {ATTACKS} SELECT * FROM attacks ORDER BY before_cents DESC, begins_at, card LIMIT {LARGEST}"
    )
    return [_money(row, decided.units) for row in rows]


def alerts_by_day(decided: Decided, capacity: int | None = None) -> list[dict[str, Any]]:
    """Return, for each day, how many alerts there were, and how many were spent on a card that was caught already.

    Caught already: within a day before there was an alert on the same card that is labelled fraud. `over_capacity` are the alerts that
    `capacity` reviews a day leave; `new_over_capacity` would be left if nobody looked again at a card that is caught.
    """
    rows = decided.rows(
        f""", alerts AS (
  SELECT event_time, max(CASE WHEN known_fraud THEN event_time END) OVER earlier AS caught_at
  FROM decided WHERE alert
  WINDOW earlier AS (
    PARTITION BY coalesce(card, transaction_id) ORDER BY {ORDER}
    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
), by_day AS (
  SELECT {decided.period()} AS day, count(*) AS alerts,
    count(*) FILTER (event_time - caught_at <= {ATTACK_GAP_MS}) AS on_caught_cards
  FROM alerts GROUP BY day
), days AS (SELECT DISTINCT {decided.period()} AS day FROM decided)
SELECT day, coalesce(alerts, 0) AS alerts, coalesce(on_caught_cards, 0) AS on_caught_cards
FROM days LEFT JOIN by_day USING (day) ORDER BY day"""
    )
    return [
        {
            "day": str(row["day"]),
            "alerts": row["alerts"],
            "on_caught_cards": row["on_caught_cards"],
            "over_capacity": _over(row["alerts"], capacity),
            "new_over_capacity": _over(row["alerts"] - row["on_caught_cards"], capacity),
        }
        for row in rows
    ]


def _over(alerts: int, capacity: int | None) -> int | None:
    return None if capacity is None else max(0, alerts - capacity)


def _money(row: dict[str, Any], units: int) -> dict[str, Any]:
    """Return a row with amounts instead of minor units."""
    names = {
        "cents": "amount",
        "before_cents": "before_amount",
        "after_cents": "after_amount",
        "missed_after_cents": "missed_after_amount",
    }
    return {
        names.get(name, name): float(value) / units if name in names else value for name, value in row.items()
    }
