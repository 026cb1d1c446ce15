"""Rules turn a score into an outcome: SQL over a decision's columns, the same text online and in a backtest."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, overload

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from fraudstream.domain.errors import SetupError
from fraudstream.domain.expressions import Expressions, check_columns, parsed
from fraudstream.domain.features.schema import OUTCOME, RULES, Type

Outcome = Literal["approve", "review", "block"]
OUTCOMES: tuple[str, ...] = get_args(Outcome)
"""From mildest to strictest: when several rules match, the strictest outcome wins."""
APPROVE = OUTCOMES[0]

TYPE_NAMES: Mapping[Type, str] = {
    pl.String: "text",
    pl.Int32: "a whole number",
    pl.Int64: "a whole number",
    pl.Float64: "a number",
    pl.Boolean: "true or false",
}

NOT_JUDGED = (RULES.series([[]]), OUTCOME.series([APPROVE]))
"""For a payment that no rule matches."""


@overload
def is_alert(outcome: str) -> bool: ...
@overload
def is_alert(outcome: pl.Series) -> pl.Series: ...
def is_alert(outcome: str | pl.Series) -> bool | pl.Series:
    """Tell whether a decision is an alert, or which of many are."""
    return outcome != APPROVE


def strictest(outcomes: Iterable[str]) -> str:
    """Return the outcome that wins.

    >>> strictest(["review", "block", "review"])
    'block'
    """
    return max(outcomes, key=OUTCOMES.index)


@dataclass(frozen=True, slots=True)
class Rule:
    """If the SQL condition `when` holds for a payment, `outcome` is asked for it."""

    name: str
    when: str
    outcome: str

    def condition(self) -> pl.Expr:
        """Return the condition as a Polars expression; a condition on a missing value does not hold."""
        try:
            return parsed(self.when, "condition").fill_null(value=False)
        except SetupError as error:
            raise SetupError(f"rule {self.name!r} {error}") from error

    def check(self, columns: Mapping[str, Type]) -> None:
        """Raise SetupError unless the rule is a condition on these columns."""
        condition = self.condition()
        try:
            names = check_columns(condition, columns)
        except SetupError as error:
            raise SetupError(f"rule {self.name!r} {error}") from error
        types = ", ".join(f"{name} is {TYPE_NAMES.get(columns[name], columns[name])}" for name in names)
        try:
            dtype = pl.DataFrame(schema=dict(columns)).select(condition).dtypes[0]
        except PolarsError as error:
            why = str(error).partition("\n")[0]
            raise SetupError(
                f"rule {self.name!r} does not fit the types of its columns ({types}): {why}"
            ) from error
        if dtype != pl.Boolean:
            raise SetupError(f"rule {self.name!r} is not a condition: compare something, e.g. amount > 1000")


class Ruleset:
    """Rules with a version made of their content. Covers every payment: what no rule matches is approved."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Check and compile the rules; raises SetupError."""
        self.rules = tuple(rules)
        if len({rule.name for rule in rules}) < len(rules):
            raise SetupError("two rules have the same name: give each its own name")
        for rule in rules:
            if rule.outcome not in OUTCOMES:
                raise SetupError(
                    f"rule {rule.name!r} asks for {rule.outcome!r}; outcomes are {', '.join(OUTCOMES)}"
                )
        content = repr([(rule.name, rule.when, rule.outcome) for rule in rules])
        self.version = hashlib.sha256(content.encode()).hexdigest()[:12]
        self._conditions = Expressions([rule.condition().alias(rule.name) for rule in rules])

    @classmethod
    def of_description(cls, said: Mapping[str, Any]) -> "Ruleset":
        """Read what `described` returned; raises SetupError."""
        try:
            return cls([Rule(each["name"], each["when"], each["outcome"]) for each in said["rules"]])
        except (KeyError, TypeError) as error:
            raise SetupError(f"not a description of rules ({type(error).__name__}: {error})") from error

    def described(self) -> dict[str, Any]:
        """Return all that they declare, for JSON."""
        return {
            "rules": [{"name": rule.name, "when": rule.when, "outcome": rule.outcome} for rule in self.rules]
        }

    def judge(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add `rules` (names of all that matched, in order) and `outcome`; raises SetupError if a rule does not fit.

        Conditions are columns; lists are made only for the few payments that match, which is ten times faster.
        """
        try:
            holds = (
                self._conditions.computed(frame).to_numpy()
                if self.rules
                else np.zeros((frame.height, 0), np.bool_)
            )
        except PolarsError as error:
            raise SetupError(f"a rule does not fit the columns of a decision: {error}") from error
        matched = np.flatnonzero(holds.any(axis=1))
        if not len(matched):
            return frame.hstack([none.new_from_index(0, frame.height) for none in NOT_JUDGED])
        rules = [[rule for rule, held in zip(self.rules, row, strict=True) if held] for row in holds[matched]]
        judged = (
            RULES.series([[rule.name for rule in those] for those in rules]),
            OUTCOME.series([strictest(rule.outcome for rule in those) for those in rules]),
        )
        which = np.zeros(frame.height, np.uint32)
        which[matched] = np.arange(1, len(matched) + 1)
        return frame.hstack(
            [pl.concat([none, some]).gather(which) for none, some in zip(NOT_JUDGED, judged, strict=True)]
        )
