"""Rules turn a score into an outcome: SQL over a decision's columns, the same text online and in a backtest."""

import hashlib
from dataclasses import dataclass

import polars as pl
from polars.exceptions import PolarsError

from fraudstream.domain.errors import SetupError

OUTCOMES = ("approve", "review", "block")
"""From mildest to strictest: when several rules match, the strictest outcome wins."""


@dataclass(frozen=True, slots=True)
class Rule:
    """If the SQL condition `when` holds for a payment, `outcome` is asked for it."""

    name: str
    when: str
    outcome: str

    def condition(self) -> pl.Expr:
        """Return the condition as a Polars expression; a condition on a missing value does not hold."""
        try:
            return pl.sql_expr(self.when).fill_null(value=False)
        except PolarsError as error:
            raise SetupError(f"rule {self.name!r} is not a SQL condition: {error}") from error


@dataclass(frozen=True, slots=True)
class Ruleset:
    """Rules with a version made of their content. Covers every payment: what no rule matches is approved."""

    rules: tuple[Rule, ...]
    version: str

    @classmethod
    def of(cls, rules: tuple[Rule, ...]) -> "Ruleset":
        """Check the rules and name them by their content; raises SetupError."""
        names = [rule.name for rule in rules]
        if len(set(names)) < len(names):
            raise SetupError("two rules have the same name")
        for rule in rules:
            if rule.outcome not in OUTCOMES:
                raise SetupError(
                    f"rule {rule.name!r} asks for {rule.outcome!r}; outcomes are {', '.join(OUTCOMES)}"
                )
            rule.condition()
        content = repr([(rule.name, rule.when, rule.outcome) for rule in rules])
        return cls(rules, hashlib.sha256(content.encode()).hexdigest()[:12])

    def judge(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add `rules` (names of all that matched, in order) and `outcome`; raises SetupError for unknown columns."""
        try:
            matched = frame.select(rule.condition().alias(rule.name) for rule in self.rules)
        except PolarsError as error:
            raise SetupError(f"a rule does not fit the columns of a decision: {error}") from error
        severity = [
            pl.when(pl.col(rule.name)).then(OUTCOMES.index(rule.outcome)).otherwise(0) for rule in self.rules
        ]
        names = [pl.when(pl.col(rule.name)).then(pl.lit(rule.name)) for rule in self.rules]
        judged = matched.select(
            rules=pl.concat_list(names).list.drop_nulls() if names else pl.lit([], dtype=pl.List(pl.String)),
            outcome=pl.max_horizontal(0, *severity).replace_strict(
                list(range(len(OUTCOMES))), OUTCOMES, return_dtype=pl.String
            ),
        )
        if not self.rules:
            judged = frame.select(rules=pl.lit([], dtype=pl.List(pl.String)), outcome=pl.lit(OUTCOMES[0]))
        return frame.hstack(judged)
