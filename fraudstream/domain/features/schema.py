"""Every column of a decision's frame, once: name, type, unit and who makes it.

A frame also has the features with a formula (catalogue.py) and the event type's variables, which are text.
"""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import polars as pl

Type: TypeAlias = pl.DataType | type[pl.DataType]

Maker = Literal["payment", "window", "week", "inputs", "catalogue", "detector", "record", "encoder"]
"""Who knows the values: the parsed payment, its entity's ten minutes, its entity's week, inputs.py, catalogue.py,
the detector, the record the payment came in, or the encoder of decisions."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `unit` is empty where there is none."""

    name: str
    dtype: Type
    maker: Maker
    unit: str = ""

    def series(self, values: Any) -> pl.Series:
        """Return the column with these values; an array has its type already."""
        return pl.Series(self.name, values, None if isinstance(values, np.ndarray) else self.dtype)

    def constant(self, value: Any, rows: int) -> pl.Series:
        """Return the column with the same value in all rows."""
        return self.series([value]).new_from_index(0, rows)


TEXTS = pl.List(pl.String)

TRANSACTION_ID = Column("transaction_id", pl.String, "payment")
CARD = Column("card", pl.String, "payment")
CARD_LAST4 = Column("card_last4", pl.String, "payment")
EVENT_TIME = Column("event_time", pl.Int64, "payment", "epoch ms")
CENTS = Column("cents", pl.Int64, "payment", "minor units")
TOKEN_AGE_MS = Column("token_age_ms", pl.Int64, "payment", "ms")

NUM_TRANS_LAST_10M = Column("num_trans_last_10m", pl.Int64, "window", "payments")
AVG_AMT_LAST_10M = Column("avg_amt_last_10m", pl.Float64, "window", "currency")
"""0 for a refund that is alone in its ten minutes."""
SECONDS_SINCE_PREVIOUS = Column("seconds_since_previous", pl.Float64, "window", "s")
"""Just past the window, 601, for a payment that is alone in its ten minutes."""
NUM_TRANS_LAST_1M = Column("num_trans_last_1m", pl.Int64, "window", "payments")
LATE_BY_MS = Column("late_by_ms", pl.Int64, "window", "ms")
WARMING_UP = Column("warming_up", pl.Boolean, "window")
"""Whether a window reaches back to when another declaration was kept. Only there if one does."""

NUM_TRANS_LAST_1W = Column("num_trans_last_1w", pl.Int64, "week", "payments")
AVG_AMT_LAST_1W = Column("avg_amt_last_1w", pl.Float64, "week", "currency")
"""0 without history."""
WEEKLY_AS_OF = Column("weekly_as_of", pl.Int64, "week", "epoch ms")
WEEKLY_MISSING = Column("weekly_missing", pl.String, "week")
"""Why there is no (fresh) week, in the words of `degraded`."""

AMOUNT = Column("amount", pl.Float64, "inputs", "currency")

INPUT = (
    AMOUNT,
    NUM_TRANS_LAST_10M,
    AVG_AMT_LAST_10M,
    SECONDS_SINCE_PREVIOUS,
    NUM_TRANS_LAST_1M,
    NUM_TRANS_LAST_1W,
    AVG_AMT_LAST_1W,
)
"""What formulas, rules and reasons may use of every payment of an entity."""


def inputs(has_entity: bool) -> tuple[Column, ...]:
    """Return what formulas, rules and reasons may use; events without an entity have no window and no week."""
    return INPUT if has_entity else (AMOUNT,)


PROBABILITY = Column("probability", pl.Float64, "detector")
SCORE = Column("score", pl.Int32, "detector", "thousandths")
FRAUD = Column("fraud", pl.Boolean, "detector")
FRAUD_THRESHOLD = Column("fraud_threshold", pl.Float64, "detector")
ANOMALY_SCORE = Column("anomaly_score", pl.Float64, "detector")
INSIGHT_SCORE = Column("insight_score", pl.Int32, "detector")
"""The score on the version's scale of false positives. Only there if the version has one, or a rule asks for it."""
MODEL_VERSION = Column("model_version", pl.String, "detector")
RULESET_VERSION = Column("ruleset_version", pl.String, "detector")
SCORED = (PROBABILITY, SCORE, FRAUD, FRAUD_THRESHOLD, ANOMALY_SCORE, MODEL_VERSION, RULESET_VERSION)
"""What rules may use beside the inputs, features and variables."""
RULES = Column("rules", TEXTS, "detector")
OUTCOME = Column("outcome", pl.String, "detector")
REASONS = Column("reasons", TEXTS, "detector")
SHADOW_RULES = Column("shadow_rules", TEXTS, "detector")
"""Rules that hold and decide nothing. Only there if the ruleset has rules in the shadow state."""
PASSED_RULES = Column("passed_rules", TEXTS, "detector")
"""Rules that hold and leave the event alone. Only there, as the next, if rules leave a share of events alone."""
FAILED_RULES = Column("failed_rules", TEXTS, "detector")
"""Rules that could not be computed for an event, and so do not hold. Only there if some could not."""
PROPENSITY = Column("propensity", pl.Float64, "detector")
"""The probability of the outcome, over what the rules could have left alone: 1 where nothing was left to chance."""

SOURCE_TOPIC = Column("source_topic", pl.String, "record")
SOURCE_PARTITION = Column("source_partition", pl.Int32, "record")
SOURCE_OFFSET = Column("source_offset", pl.Int64, "record")
SOURCE_NUMBER = Column("source_number", pl.Int32, "record")
"""An event's number among those of its record, 0 if the record is the event. Only there if records may have several."""
QUEUED_MS = Column("queued_ms", pl.Int64, "record", "ms")

UNKNOWN_FIELDS = Column("unknown_fields", pl.String, "payment")
"""The fields of the record that the event type does not declare, as JSON; empty without any. Only there if a payment has some."""

DEGRADED = Column("degraded", TEXTS, "encoder")
DECIDED_AT = Column("decided_at", pl.Int64, "encoder", "epoch ms")
DECIDED_IN_MS = Column("decided_in_ms", pl.Float32, "encoder", "ms")
"""How long an event waited and its micro-batch took: the sum of `timing_ms`. Archives have it, decisions the parts."""

PAID = (TRANSACTION_ID, CARD, CARD_LAST4, EVENT_TIME, AMOUNT)
"""How a published decision begins; variables and features come next."""
JUDGED = (
    PROBABILITY,
    SCORE,
    ANOMALY_SCORE,
    OUTCOME,
    FRAUD,
    RULES,
    REASONS,
    MODEL_VERSION,
    RULESET_VERSION,
    WEEKLY_AS_OF,
)
"""How it goes on."""
SNOOZED_RULES = Column("snoozed_rules", TEXTS, "detector")
"""Rules that hold and are snoozed for the entity. Only there while rules are snoozed for some."""
LISTS_AS_OF = Column("lists_as_of", pl.Int64, "detector", "revision")
"""How far the topic `lists` was known. Only there if rules ask lists, or are snoozed for some entities."""
RELEASE = Column("release", pl.String, "detector")
"""Event type and number of the release that decided, such as card-7."""
CANARY = Column("canary", pl.Boolean, "detector")
"""Whether that release decided as a canary."""
IF_THERE = (
    INSIGHT_SCORE,
    SHADOW_RULES,
    PASSED_RULES,
    PROPENSITY,
    SNOOZED_RULES,
    LISTS_AS_OF,
    RELEASE,
    CANARY,
)
"""What comes next in the decisions that have it, before `degraded` and `source`."""


def judged_columns(has_entity: bool) -> dict[str, Type]:
    """Return name and type of the columns that rules may use, without features and variables."""
    return {column.name: column.dtype for column in (*inputs(has_entity), *SCORED, INSIGHT_SCORE)}


NAMES = frozenset(
    {column.name for column in globals().values() if isinstance(column, Column)}
    | {"tid", "cc_num", "is_fraud", "scenario", "decision_offset"}
    | {"card_code", "id_hash", "partition", "counted", "conflict", "variables", "features", "source"}
    | {"label_offset", "label_known_at", "payments", "mean_amount"}
)
"""Names that no variable may have: columns of decisions, of histories, of archives and of weekly stores."""
