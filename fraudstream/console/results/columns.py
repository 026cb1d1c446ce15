"""The columns of the tables of results, once: for the pages and for files."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "count", "share", "money", "ms", "score", "time"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `told` says more of what it counts, where its label does not."""

    name: str
    label: str
    kind: Kind
    told: str = ""


GROUP = Column("group", "", "text")
DECIDED = (
    Column("payments", "Payments", "count"),
    Column("amount", "Amount", "money"),
    Column("alerts", "Alerts", "count", "decisions that are not approve"),
    Column("alert_rate", "Alert rate", "share"),
    Column("blocked", "Blocked", "count"),
    Column("block_rate", "Block rate", "share"),
    Column("degraded", "Degraded", "count", "decided without something, such as the week"),
    Column("mean_score", "Mean score", "score"),
    Column(
        "latency_p50_ms",
        "Latency, half",
        "ms",
        "half of the decisions took at most this, from the record to the decision",
    ),
    Column("latency_p99_ms", "Latency, 99 %", "ms", "99 of 100 decisions took at most this"),
)
BECAME = (
    Column("labelled", "Labelled", "count", "payments whose outcome is known"),
    Column(
        "labelled_expected",
        "expected",
        "count",
        "labels that there will be in the end, by how they came for older days",
    ),
    Column("fraud", "Fraud", "count", "labelled fraud"),
    Column(
        "fraud_expected",
        "expected",
        "count",
        "frauds that will be known in the end, by how they came for older days",
    ),
    Column("caught", "Caught", "count", "labelled fraud that was not approved"),
    Column("missed", "Missed", "count", "labelled fraud that was approved"),
    Column("wrong_alerts", "Wrong alerts", "count", "alerts labelled legitimate"),
    Column("precision", "Precision", "share", "of the labelled alerts, the share that is fraud"),
    Column("recall", "Recall", "share", "of the labelled fraud, the share that was not approved"),
    Column("caught_amount", "Saved", "money", "amount of the caught fraud"),
    Column("missed_amount", "Lost", "money", "amount of the missed fraud"),
)
EXPECTED = ("labelled_expected", "fraud_expected")
"""Columns of BECAME that only days, weeks and months have."""
BECAME_NOW = tuple(column for column in BECAME if column.name not in EXPECTED)
WEIGHTED = (
    Column("let_through", "Let through", "count", "payments that a rule held for and let through by chance"),
    Column(
        "never_let_through",
        "No chance",
        "count",
        "blocked payments that had no chance of it: the estimates say nothing of them",
    ),
    Column("weighted_caught", "Caught", "count", "fraud that rules held for, estimated"),
    Column("weighted_missed", "Missed", "count", "fraud that no rule held for, estimated"),
    Column("weighted_precision", "Precision", "share"),
    Column("weighted_recall", "Recall", "share"),
    Column("weighted_caught_amount", "Saved", "money"),
)
RULES = (
    Column("rule", "Rule", "text"),
    Column(
        "role",
        "What it does",
        "text",
        "decides; shadow: is only compared; lets through: left the payment alone by chance",
    ),
    Column("payments", "Fires", "count"),
    Column("fraud", "Fraud", "count"),
    Column("legitimate", "Legitimate", "count"),
    Column("unlabelled", "No label", "count"),
    Column("precision", "Precision", "share", "of the labelled payments"),
    Column("fraud_amount", "Fraud found", "money"),
    Column("legitimate_amount", "Legitimate held", "money"),
    Column("only_payments", "Only it: fires", "count", "no other rule held"),
    Column("only_fraud", "Only it: fraud", "count"),
    Column("only_precision", "Only it: precision", "share"),
    Column("only_fraud_amount", "Only it: fraud found", "money"),
)
POSITIONS = (
    Column("first_alert", "First alert at payment", "text"),
    Column("attacks", "Attacks", "count"),
    Column("payments", "Frauds in them", "count"),
    Column("alerts", "Alerts", "count"),
    Column("before_amount", "Lost before it", "money"),
    Column("after_amount", "From it on", "money", "what stopping the card at the first alert saves"),
    Column(
        "missed_after_amount",
        "of that approved",
        "money",
        "approved all the same, though the card had been alerted",
    ),
)
LARGEST = (
    Column("card", "Card", "text"),
    Column("begins_at", "Began", "time"),
    Column("payments", "Frauds", "count"),
    Column("first_alert", "First alert at", "count"),
    Column("first_alert_at", "Alerted", "time"),
    Column("amount", "Amount", "money"),
    Column("before_amount", "Lost before it", "money"),
    Column("after_amount", "From it on", "money"),
)
ALERTS = (
    Column("day", "Day", "text"),
    Column("alerts", "Alerts", "count"),
    Column(
        "on_caught_cards",
        "On cards caught already",
        "count",
        "an alert on the card within the day before is labelled fraud",
    ),
    Column("over_capacity", "Beyond the capacity", "count"),
    Column(
        "new_over_capacity",
        "Without those",
        "count",
        "beyond the capacity if nobody looked again at a card that is caught",
    ),
)
DRIFT = (
    Column("name", "What", "text"),
    Column("psi", "PSI", "score", "population stability index: below 0.1 alike, from 0.2 on shifted"),
    Column("payments", "Payments", "count"),
    Column("payments_before", "before", "count"),
    Column("payments_needed", "needed", "count", "how many payments the test needs to find a shift"),
    Column("outside", "Outside", "share", "below the smallest or above the largest number there was before"),
    Column("said", "Drifted", "text"),
)
PRECISION = (
    Column("rule", "Rule", "text"),
    Column("from_ms", "Week from", "time"),
    Column("payments", "Fires", "count"),
    Column("fraud", "Fraud", "count"),
    Column("good", "Legitimate", "count"),
    Column("unlabelled", "No label", "count"),
    Column("precision", "Precision", "share"),
)
STEPS = (
    Column("start_ms", "From", "time"),
    Column("payments", "Payments", "count"),
    Column("fraud", "Fraud", "count"),
    Column("mean_fraud_score", "Mean score of fraud", "score"),
    Column("mean_other_score", "of the others", "score"),
)
