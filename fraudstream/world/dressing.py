"""What an event type declares beyond the simulated world's own columns: values of its variables, drawn for every payment.

The world decides who pays what, where and when, and which payments are fraud; it is the same for all event types. The
same seed gives the same values: those of a card or a merchant always, those of a payment by the id of its frame's first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.amounts import HUNDREDTHS, units_of
from fraudstream.domain.events.event_type import EventType, Variable
from fraudstream.offline.columns import AMOUNT, NUMBER
from fraudstream.world.creditcard import components
from fraudstream.world.drawn import Drawn
from fraudstream.world.population import AMOUNT_SPANS, MERCHANTS, ZIP_CODES, Population
from fraudstream.world.rows import Rows
from fraudstream.world.sparkov import Holders

WORLD: Mapping[str, Callable[[Rows], pl.Series]] = {
    "merchant": lambda rows: named(MERCHANTS, rows.merchant),
    "zip_code": lambda rows: named(ZIP_CODES, rows.zip_code),
}
"""Variables that the world knows by name."""

Shape = Callable[[Drawn], Mapping[str, Any]]
"""Makes the variables that a generator of one event type knows."""

SHAPES: Mapping[str, Callable[[Population, int], Shape]] = {
    "sparkov": lambda people, seed: Holders.of(people, seed).variables,
    "creditcard": lambda people, seed: components,
}
"""By the event type's name; made of a world's population and seed."""

INTEGERS_END = 1000
WORDS = 50
"""How many values a text has that the world knows nothing of."""


@dataclass(frozen=True, slots=True)
class Dressing:
    """Makes the variables of an event type, in the order it declares them."""

    event_type: EventType
    shape: Shape
    seed: int

    @property
    def described(self) -> dict[str, Any]:
        """What of the event type determines the payments, for a history's manifest."""
        declared = self.event_type
        return {
            "event_type": declared.name,
            "has_entity": declared.entity is not None,
            "decimals": declared.money.decimals,
            "amount_max": declared.money.amount_max,
            "variables": {variable.name: variable.type for variable in declared.variables},
        }

    def variables(self, rows: Rows, first_tid: int) -> list[pl.Series]:
        """Return the variables of payments whose ids count up from `first_tid`; none of them takes another back."""
        drawn = Drawn(rows, np.random.default_rng([self.seed, 6, first_tid]))
        reversal = self.event_type.reversal
        names = () if reversal is None else (reversal.of, reversal.variable)
        own = {**self.shape(drawn), **{name: [None] * len(rows) for name in names if name}}
        return [
            pl.Series(variable.name, own[variable.name], variable.dtype)
            if variable.name in own
            else _plausible(variable, drawn)
            for variable in self.event_type.variables
        ]

    def amounts(self, rows: Rows) -> pl.Series:
        """Return the amounts; of a currency without hundredths, a world's cents count as its minor units."""
        money = self.event_type.money
        amounts = rows.cents / units_of(min(money.decimals, HUNDREDTHS))
        return pl.Series(AMOUNT, np.minimum(amounts, money.amount_max))

    def dressed(self, frame: pl.DataFrame, rows: Rows, first_tid: int) -> pl.DataFrame:
        """Return a frame of the world's own columns with those of the event type."""
        before, after = frame.columns[: frame.columns.index("event_time") + 1], ("is_fraud", "scenario")
        kept = [name for name in before if name != NUMBER or self.event_type.entity]
        return pl.DataFrame(
            [
                *(self.amounts(rows) if name == AMOUNT else frame[name] for name in kept),
                *self.variables(rows, first_tid),
                *(frame[name] for name in after),
            ]
        )


def dressing_of(event_type: EventType | None, people: Population, seed: int) -> Dressing | None:
    """Return the dressing of a world's payments; None if the event type declares what the world has, and nothing else."""
    if event_type is None or _is_plain(event_type):
        return None
    shape = SHAPES.get(event_type.name, _no_shape)
    return Dressing(event_type, shape(people, seed), seed)


def require_plain(event_type: EventType | None, world: str) -> None:
    """Raise SetupError if the event type declares more than merchants and zip codes, which this world does not know."""
    if event_type is not None and not _is_plain(event_type):
        raise SetupError(
            f"the world {world} has cards, amounts, merchants and zip codes, as the event type card declares them, and not what "
            f"{event_type.name} does; use another world"
        )


def _no_shape(people: Population, seed: int) -> Shape:
    return lambda drawn: {}


def _is_plain(event_type: EventType) -> bool:
    money = event_type.money
    return (
        event_type.entity is not None
        and event_type.columns == dict.fromkeys(WORLD, pl.String)
        and money.decimals == HUNDREDTHS
        and money.amount_max >= AMOUNT_SPANS[-1][1]
    )


def named(names: tuple[str, ...], index: Any) -> pl.Series:
    """Return the names at these positions as strings."""
    return pl.Series(names, dtype=pl.String).gather(index)


def _plausible(variable: Variable, drawn: Drawn) -> pl.Series:
    """Return values of a variable that no generator knows: the world's, or any of its type."""
    if variable.name in WORLD and variable.type == "string":
        return WORLD[variable.name](drawn.rows).alias(variable.name)
    count = len(drawn.rows)
    if variable.type == "string":
        words = tuple(f"{variable.name} {number}" for number in range(WORDS))
        return named(words, drawn.chance.integers(0, WORDS, count)).alias(variable.name)
    made: Any = {
        "integer": lambda: drawn.chance.integers(0, INTEGERS_END, count),
        "float": lambda: drawn.chance.standard_normal(count).round(6),
        "boolean": lambda: drawn.chance.random(count) < 0.5,
        "timestamp": lambda: drawn.rows.at_ms,
    }[variable.type]
    return pl.Series(variable.name, made(), variable.dtype)
