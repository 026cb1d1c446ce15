"""Rules turn a score into an outcome: SQL over a decision's columns, the same text online and in a backtest."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
from polars.exceptions import PolarsError

from fraudstream.domain.errors import SetupError

OUTCOMES = ("approve", "review", "block")
"""From mildest to strictest: when several rules match, the strictest outcome wins."""

QUERY = re.compile(r"\bselect\b", re.IGNORECASE)
NO_RULES = pl.lit([], dtype=pl.List(pl.String))


@dataclass(frozen=True, slots=True)
class Rule:
    """If the SQL condition `when` holds for a payment, `outcome` is asked for it."""

    name: str
    when: str
    outcome: str

    def condition(self) -> pl.Expr:
        """Return the condition as a Polars expression; a condition on a missing value does not hold."""
        if QUERY.search(self.when):
            raise SetupError(f"rule {self.name!r} is a query; a rule is a condition on one payment")
        try:
            return pl.sql_expr(self.when).fill_null(value=False)
        except PolarsError as error:
            raise SetupError(f"rule {self.name!r} is not a SQL condition: {error}") from error


class Ruleset:
    """Rules with a version made of their content. Covers every payment: what no rule matches is approved."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Check and compile the rules; raises SetupError."""
        self.rules = tuple(rules)
        if len({rule.name for rule in rules}) < len(rules):
            raise SetupError("two rules have the same name")
        for rule in rules:
            if rule.outcome not in OUTCOMES:
                raise SetupError(
                    f"rule {rule.name!r} asks for {rule.outcome!r}; outcomes are {', '.join(OUTCOMES)}"
                )
        content = repr([(rule.name, rule.when, rule.outcome) for rule in rules])
        self.version = hashlib.sha256(content.encode()).hexdigest()[:12]
        conditions = [rule.condition() for rule in rules]
        names = [
            pl.when(holds).then(pl.lit(rule.name)) for rule, holds in zip(rules, conditions, strict=True)
        ]
        outcome = pl.lit(OUTCOMES[0])
        for asked in OUTCOMES[1:]:
            asking = [holds for rule, holds in zip(rules, conditions, strict=True) if rule.outcome == asked]
            if asking:
                outcome = pl.when(pl.any_horizontal(asking)).then(pl.lit(asked)).otherwise(outcome)
        self._judgement = (
            (pl.concat_list(names).list.drop_nulls() if names else NO_RULES).alias("rules"),
            outcome.alias("outcome"),
        )

    def judge(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add `rules` (names of all that matched, in order) and `outcome`; raises SetupError if a rule does not fit."""
        try:
            return frame.with_columns(self._judgement)
        except PolarsError as error:
            raise SetupError(f"a rule does not fit the columns of a decision: {error}") from error
