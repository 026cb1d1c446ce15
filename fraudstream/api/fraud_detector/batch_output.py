"""The output of a batch prediction: what `fraudstream predict` made of the file, with the detector's own rules."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import polars as pl

from fraudstream.api.fraud_detector.plans import Plan
from fraudstream.domain.detectorpl.condition import DTYPES
from fraudstream.domain.expressions import Expressions

SCORES, OUTCOMES, RESULTS, STATUS = "MODEL_SCORES", "OUTCOMES", "RULE_RESULTS", "STATUS"
SUCCESS = "Success"
NUMBER = r"(-?\d+\.?\d*)}$"
"""In `{'model': 753.0}`."""

ROWS_AT_ONCE = 100_000
TRUTH = {"true": True, "false": False}


def write_output(predicted: Path, target: Path, plan: Plan) -> int:
    """Write the file; return how many rows it has. `predicted`: Parquet with the columns of Fraud Detector."""
    with target.open("wb") as file:
        frame = pl.read_parquet(predicted)
        for number, part in enumerate(frame.iter_slices(ROWS_AT_ONCE)):
            judged(part, plan).write_csv(file, include_header=number == 0)
        if not frame.height:
            frame.write_csv(file)
    return frame.height


def judged(rows: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Return rows with the scores of the detector's models and what its rules say; a refused row has neither."""
    score = pl.col(SCORES).str.extract(NUMBER).cast(pl.Float64)
    columns = [_typed(rows, name, plan).alias(name) for name in plan.types]
    columns += [score.alias(name) for name in plan.score_names]
    events = _with_lists(rows.select(columns), plan)
    held = _held(events, plan)
    is_decided = (rows[STATUS] == SUCCESS).to_list()
    results = [
        plan.told([rule for rule, holds in zip(plan.rules, row, strict=True) if holds]) if decided else None
        for row, decided in zip(held, is_decided, strict=True)
    ]
    outcomes = [
        None if each is None else ",".join(dict.fromkeys(name for rule in each for name in rule.outcomes))
        for each in results
    ]
    told = [
        None
        if each is None
        else msgspec.json.encode({rule.id: list(rule.outcomes) for rule in each}).decode()
        for each in results
    ]
    scores = rows.select(score).to_series().to_list()
    return rows.with_columns(
        pl.Series(SCORES, [_scores(each, plan) for each in scores], pl.String),
        pl.Series(OUTCOMES, outcomes, pl.String),
        pl.Series(RESULTS, told, pl.String),
    )


def _with_lists(events: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Add what rules ask lists, as conditions know it."""
    answers = []
    for call in dict.fromkeys(call for rule in plan.rules for call in rule.condition.calls):
        content = plan.contents.get(call.name)
        found = pl.lit(None, pl.Boolean) if content is None else pl.col(call.variable).is_in(list(content))
        answers.append(found.alias(call.column.name))
    return events.with_columns(answers)


def _held(events: pl.DataFrame, plan: Plan) -> Sequence[Sequence[bool]]:
    if not plan.rules:
        return [[]] * events.height
    conditions = [rule.condition.expression.alias(str(number)) for number, rule in enumerate(plan.rules)]
    return Expressions(conditions).computed(events).rows()


def _typed(rows: pl.DataFrame, name: str, plan: Plan) -> pl.Expr:
    """Return a column as conditions know it, with its default where it is empty."""
    default = pl.lit(plan.values[name], DTYPES[plan.types[name]])
    if name not in rows.columns:
        return default
    text = pl.col(name).cast(pl.String).str.strip_chars()
    text = pl.when(text != "").then(text)
    match plan.types[name]:
        case "number":
            return text.cast(pl.Float64, strict=False).fill_null(default)
        case "truth":
            return (
                text.str.to_lowercase()
                .replace_strict(TRUTH, default=None, return_dtype=pl.Boolean)
                .fill_null(default)
            )
    return text.fill_null(default)


def _scores(score: float | None, plan: Plan) -> str | None:
    """Return scores as a literal of Python, which programs read."""
    return None if score is None else repr({model.name: score for model, _ in plan.models})
