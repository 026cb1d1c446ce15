"""Rule by rule: how often it held, how often it was right, the money of it, and what no other rule found."""

from typing import Any

from fraudstream.analytics.decided import Decided

ROLES = {"decides": "rules", "shadow": "shadow_rules", "lets through": "passed_rules"}
"""What a rule that holds does with a payment, and the archive's column that names it."""

COUNTED = {
    "payments": "count(*)",
    "fraud": "count(*) FILTER (known_fraud)",
    "legitimate": "count(*) FILTER (known_legitimate)",
    "amount": "coalesce(sum(cents), 0)",
    "fraud_amount": "coalesce(sum(cents) FILTER (known_fraud), 0)",
    "legitimate_amount": "coalesce(sum(cents) FILTER (known_legitimate), 0)",
    "only_payments": "count(*) FILTER (alone)",
    "only_fraud": "count(*) FILTER (alone AND known_fraud)",
    "only_legitimate": "count(*) FILTER (alone AND known_legitimate)",
    "only_fraud_amount": "coalesce(sum(cents) FILTER (alone AND known_fraud), 0)",
}
MONEY = [name for name in COUNTED if name.endswith("amount")]


def rule_table(decided: Decided) -> list[dict[str, Any]]:
    """Return a row for every rule that held, those that decide first, then by how often; `only_...`: payments for which no other rule held.

    `precision` is of the labelled payments, None without any; `unlabelled` are the others.
    """
    named = ", ".join(f"{sql} AS {name}" for name, sql in COUNTED.items())
    parts = [
        f"SELECT '{role}' AS role, unnest({column}) AS rule, cents, known_fraud, known_legitimate, len({column}) = 1 AS alone "
        f"FROM decided WHERE len({column}) > 0"
        for role, column in ROLES.items()
    ]
    rows = decided.rows(
        f"SELECT rule, role, {named} FROM ({' UNION ALL '.join(parts)}) GROUP BY rule, role ORDER BY role, payments DESC, rule"
    )
    return [_told(row, decided.units) for row in rows]


def _told(row: dict[str, Any], units: int) -> dict[str, Any]:
    known, only_known = row["fraud"] + row["legitimate"], row["only_fraud"] + row["only_legitimate"]
    return {
        **row,
        **{name: float(row[name]) / units for name in MONEY},
        "unlabelled": row["payments"] - known,
        "precision": row["fraud"] / known if known else None,
        "only_precision": row["only_fraud"] / only_known if only_known else None,
    }
