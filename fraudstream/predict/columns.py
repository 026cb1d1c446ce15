"""The columns that a prediction adds to those of the file: ours, or Amazon Fraud Detector's."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

import msgspec
import polars as pl

from fraudstream.domain.errors import SetupError
from fraudstream.domain.features.schema import (
    ANOMALY_SCORE,
    DEGRADED,
    EVENT_TIME,
    INSIGHT_SCORE,
    MODEL_VERSION,
    OUTCOME,
    PROBABILITY,
    REASONS,
    RELEASE,
    RULES,
    RULESET_VERSION,
    SCORE,
)
from fraudstream.domain.rules import Ruleset
from fraudstream.notebook.decisions import REFUSED
from fraudstream.offline.column_names import METADATA
from fraudstream.offline.columns import TIME

Style = Literal["fraudstream", "fraud-detector"]

STATUS = "status"
DECIDED = "decided"

ADDED = (
    SCORE,
    PROBABILITY,
    ANOMALY_SCORE,
    INSIGHT_SCORE,
    OUTCOME,
    RULES,
    REASONS,
    DEGRADED,
    MODEL_VERSION,
    RULESET_VERSION,
    RELEASE,
)
"""Of a decision, in the order in which they are added; null for a row that is refused."""

READ = frozenset({column.name for column in ADDED} | {REFUSED, EVENT_TIME.name})
"""What writers read of decisions, in either style."""

FD_SCORES, FD_OUTCOMES, FD_RULES, FD_STATUS = "MODEL_SCORES", "OUTCOMES", "RULE_RESULTS", "STATUS"
"""What Amazon Fraud Detector adds in the output of a batch prediction."""

FD_SUCCESS = "Success"

Writer = Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame]
"""Makes rows of the output of rows of the file and their decisions."""


def writer_of(
    style: Style, columns: Sequence[str], release: str | None, model: str, rules: Ruleset
) -> Writer:
    """Return what writes in a style; `columns`: the file's. Raises SetupError if one of them would be written twice."""
    if style == "fraud-detector":
        outcomes = {rule.name: str(rule.outcome) for rule in rules.rules}
        writer: Writer = partial(_for_fraud_detector, model, outcomes)
        added = [FD_SCORES, FD_OUTCOMES, FD_RULES, FD_STATUS]
    else:
        writer = partial(_ours, release)
        added = [*(column.name for column in ADDED), STATUS, REFUSED]
    twice = [name for name in added if name in columns]
    if twice:
        raise SetupError(
            f"the file has a column {twice[0]}, which the prediction would add; rename it, or take another style with --columns"
        )
    return writer


def _ours(release: str | None, rows: pl.DataFrame, decided: pl.DataFrame) -> pl.DataFrame:
    there = [
        (pl.col(column.name) if column.name in decided.columns else pl.lit(None))
        .cast(column.dtype)
        .alias(column.name)
        for column in ADDED
        if column != RELEASE
    ]
    is_decided = pl.col(REFUSED).is_null()
    made = decided.select(
        *there,
        pl.when(is_decided).then(pl.lit(release, pl.String)).alias(RELEASE.name),
        pl.when(is_decided).then(pl.lit(DECIDED)).otherwise(pl.lit(REFUSED)).alias(STATUS),
        REFUSED,
    )
    return rows.hstack(made)


def _for_fraud_detector(
    model: str, outcomes: Mapping[str, str], rows: pl.DataFrame, decided: pl.DataFrame
) -> pl.DataFrame:
    """Add its columns; a score is on its scale if the model version has one. Its times have milliseconds."""
    score = INSIGHT_SCORE.name if INSIGHT_SCORE.name in decided.columns else SCORE.name
    results = [
        None if held is None else msgspec.json.encode({rule: [outcomes[rule]] for rule in held}).decode()
        for held in decided[RULES.name].to_list()
    ]
    refused = pl.concat_str(pl.lit("Error: "), pl.col(REFUSED))
    made = decided.select(
        pl.concat_str(pl.lit(f"{{'{model}': "), pl.col(score).cast(pl.Float64), pl.lit("}")).alias(FD_SCORES),
        pl.col(OUTCOME.name).alias(FD_OUTCOMES),
        pl.Series(FD_RULES, results, pl.String),
        pl.when(pl.col(REFUSED).is_null()).then(pl.lit(FD_SUCCESS)).otherwise(refused).alias(FD_STATUS),
    )
    time = METADATA[TIME]
    if time in rows.columns:
        moment = pl.from_epoch(decided[EVENT_TIME.name], "ms").dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ")
        rows = rows.with_columns(pl.coalesce(moment, pl.col(time).cast(pl.String)).alias(time))
    return rows.hstack(made)


def as_text(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows as a CSV file holds them: lists as JSON. Raises SetupError for what a CSV file cannot hold."""
    lists = [name for name, dtype in rows.schema.items() if dtype == pl.List(pl.String)]
    nested = [name for name, dtype in rows.schema.items() if dtype.is_nested() and name not in lists]
    if nested:
        raise SetupError(
            f"the column {nested[0]} has objects or lists, which CSV does not hold; write --out x.parquet"
        )
    return rows.with_columns(
        pl.Series(
            name,
            [None if each is None else msgspec.json.encode(each).decode() for each in rows[name].to_list()],
            pl.String,
        )
        for name in lists
    )
