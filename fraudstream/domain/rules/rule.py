"""A rule: a SQL condition on an event with its score, the outcome it asks for, and what people need to know of it."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, get_args

import msgspec
import polars as pl
from polars.exceptions import PolarsError

from fraudstream.domain.errors import SetupError
from fraudstream.domain.expressions import check_columns, parsed, without_failures
from fraudstream.domain.features.schema import Type
from fraudstream.domain.lists.calls import Call, asked
from fraudstream.domain.rules.outcomes import Outcome

RuleState = Literal["active", "shadow", "paused", "draft"]
"""active: decides. shadow: evaluated and named in decisions, decides nothing. paused, draft: not evaluated."""
EVALUATED = frozenset({"active", "shadow"})

NAME_LENGTH_MAX = 128
TEXT_LENGTH_MAX = 1_000
"""Of a reason, an owner and a tag."""
TAGS_MAX = 50

TYPE_NAMES: Mapping[Type, str] = {
    pl.String: "text",
    pl.Int32: "a whole number",
    pl.Int64: "a whole number",
    pl.Float64: "a number",
    pl.Boolean: "true or false",
}

UNKNOWN_COLUMN = re.compile(r"unknown column, (\w+)")

Text = Annotated[str, msgspec.Meta(min_length=1)]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """If the SQL condition `when` holds for an event, `outcome` is asked for it. Also its shape in TOML and JSON."""

    name: Text
    when: Text
    outcome: Outcome
    priority: int = 0
    """Rules are looked at from the highest to the lowest; those of the same priority in their order."""
    tags: tuple[str, ...] = ()
    reason: str = ""
    """What analysts read of an alert that the rule made."""
    owner: str = ""
    """Who answers for it."""
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    """Events from this time on are not judged by it, by their own time, so that a replay is judged alike."""
    pass_share: float = 0.0
    """The share of the events it holds for that it leaves alone, to learn what would have become of them."""
    state: RuleState = "active"
    overrides: bool = False
    """Whether its outcome stands against stricter ones of other rules."""

    @property
    def is_evaluated(self) -> bool:
        """Whether events are compared with it."""
        return self.state in EVALUATED

    @property
    def is_plain(self) -> bool:
        """Whether it has nothing but a name, a condition and an outcome."""
        return self == Rule(self.name, self.when, self.outcome)

    @property
    def expires_at_ms(self) -> int | None:
        """When it ends, epoch milliseconds."""
        return None if self.expires_at is None else round(self.expires_at.timestamp() * 1000)

    @property
    def calls(self) -> tuple[Call, ...]:
        """What it asks lists."""
        return asked(self.when).calls

    def condition(self) -> pl.Expr:
        """Return the condition as a Polars expression; a condition on a missing value does not hold."""
        try:
            return without_failures(parsed(asked(self.when).sql, "condition")).fill_null(value=False)
        except SetupError as error:
            raise SetupError(f"rule {self.name!r} {error}") from error

    def check_fields(self) -> None:
        """Raise SetupError if a value is none that it may have."""
        for key, values in (("outcome", Outcome), ("state", RuleState)):
            if getattr(self, key) not in get_args(values):
                raise self._wrong(
                    f"asks for {key} {getattr(self, key)!r}; {key}s are {', '.join(get_args(values))}"
                )
        if len(self.name) > NAME_LENGTH_MAX:
            raise self._wrong(f"has a name of {len(self.name):,} characters; at most {NAME_LENGTH_MAX}")
        long = max((self.reason, self.owner, *self.tags), key=len)
        if len(long) > TEXT_LENGTH_MAX or len(self.tags) > TAGS_MAX:
            raise self._wrong(
                f"may have {TAGS_MAX} tags, and {TEXT_LENGTH_MAX:,} characters in its reason, owner or a tag"
            )
        if not 0 <= self.pass_share < 1:
            raise self._wrong(
                f"has pass_share {self.pass_share}: write a share from 0 to below 1; to stop it, pause it"
            )

    def check(self, columns: Mapping[str, Type]) -> None:
        """Raise SetupError unless the rule is a condition on these columns."""
        condition = self.condition()
        columns = dict(columns)
        try:
            for call in self.calls:
                call.check(columns)
            columns |= {call.column.name: pl.Boolean for call in self.calls}
            names = check_columns(condition, columns)
        except SetupError as error:
            raise SetupError(f"rule {self.name!r} {error}{self._place(str(error))}") from error
        types = ", ".join(f"{name} is {TYPE_NAMES.get(columns[name], columns[name])}" for name in names)
        try:
            dtype = _tried_on(columns).select(condition).dtypes[0]
        except PolarsError as error:
            why = str(error).partition("\n")[0]
            raise SetupError(
                f"rule {self.name!r} does not fit the types of its columns ({types}): {why}"
            ) from error
        if dtype != pl.Boolean:
            raise SetupError(f"rule {self.name!r} is not a condition: compare something, e.g. amount > 1000")

    def _place(self, said: str) -> str:
        """Return where in the condition the column is that a sentence calls unknown, as the end of the sentence."""
        name = UNKNOWN_COLUMN.search(said)
        found = name and re.search(rf"\b{re.escape(name[1])}\b", self.when)
        return f" (it is at character {found.start() + 1} of the condition)" if found else ""

    def _wrong(self, why: str) -> SetupError:
        return SetupError(f"rule {self.name[:NAME_LENGTH_MAX]!r} {why}")


def _tried_on(columns: Mapping[str, Type]) -> pl.DataFrame:
    """Return an event without values and an ordinary one: what fails on these would fail on all."""
    ordinary: Mapping[Type, object] = {pl.String: "1", pl.Boolean: True}
    return pl.DataFrame(
        [pl.Series(name, [None, ordinary.get(dtype, 1)], dtype) for name, dtype in columns.items()]
    )
