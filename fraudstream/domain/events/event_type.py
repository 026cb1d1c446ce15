"""An event type: which fields a record has and what they mean, which features describe it and which rules judge it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import polars as pl

from fraudstream.domain.events.amounts import Money
from fraudstream.domain.events.reversals import Reversal
from fraudstream.domain.events.wire import PLAIN, Wire
from fraudstream.domain.features.derived import Derived, DerivedFeatures
from fraudstream.domain.features.schema import EVENT_TIME, Column, Type, inputs
from fraudstream.domain.features.treatments import Asked, input_labels
from fraudstream.domain.rules import Ruleset
from fraudstream.domain.tokens import ENTITY_WORDS, EntityKind
from fraudstream.domain.weekly_aggregates import NOTHING_DECLARED, Weekly, WeeklyAggregates
from fraudstream.domain.windows.cells import Kind, cells
from fraudstream.domain.windows.velocity import Velocity, Windows

VariableType = Literal["string", "integer", "float", "boolean", "timestamp"]
UnknownFields = Literal["keep", "ignore", "refuse"]
TimeUnit = Literal["s", "ms", "us", "ns"]

PER_SECOND: Mapping[str, int] = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
UNIT_NAMES: Mapping[str, str] = {
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
}

DTYPES: Mapping[VariableType, Type] = {
    "string": pl.String,
    "integer": pl.Int64,
    "float": pl.Float64,
    "boolean": pl.Boolean,
    "timestamp": pl.Int64,
}
"""How a variable is stored; a timestamp as epoch milliseconds."""


KeptValue = Callable[[Sequence[Sequence[Any]]], list[int]]
"""Makes the cells of one value that entries keep, of the variables of each event."""


@dataclass(frozen=True, slots=True)
class EntityField:
    """The field that says whose events belong together; `text` is an id of any form, kept as it is."""

    field: str
    kind: EntityKind


@dataclass(frozen=True, slots=True)
class EventTime:
    """The fields that may hold an event's time; the first that is there counts, none means Kafka's timestamp."""

    fields: tuple[str, ...] = ()
    unit: TimeUnit = "s"
    """Of numbers; text is ISO 8601."""
    origin_ms: int = 0
    """What numbers count from, epoch milliseconds."""


@dataclass(frozen=True, slots=True)
class LabelField:
    """The field that says what an event turned out to be; histories have it, the stream ignores it."""

    field: str
    fraud: tuple[str, ...] = ()
    """Its values that mean fraud; empty: the usual words for yes and no."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A further field of an event, for rules, decisions and, if it is a number, models."""

    name: str
    type: VariableType = "string"
    field: str = ""
    """Where it is in a record: a name, or names of nested objects joined by dots."""
    default: str | int | float | bool | None = None
    """Its value where the record has none."""

    @property
    def dtype(self) -> Type:
        """How it is stored."""
        return DTYPES[self.type]

    @property
    def is_number(self) -> bool:
        """Whether a model can take it."""
        return self.type in ("integer", "float", "boolean")


@dataclass(frozen=True, slots=True)
class EventType:
    """What an event type's file declares; docs/event-types.md explains it."""

    name: str
    entity: EntityField | None
    """None: events do not belong together, and have neither windows nor weekly aggregates."""
    id: str | None
    time: EventTime
    amount: str
    money: Money
    features: tuple[str, ...]
    """What its models take, in order."""
    feature_set: str
    """The name of these features, as in the names of models."""
    ruleset: Ruleset
    variables: tuple[Variable, ...] = ()
    """Strings first."""
    label: LabelField | None = None
    unknown_fields: UnknownFields = "keep"
    currency_field: str | None = None
    """Where each event's currency is; None: all have the same."""
    currencies: Mapping[str, Money] = field(default_factory=dict)
    """What amounts are in each currency that events may have. They are added up as numbers, in `money.decimals`."""
    velocities: tuple[Velocity, ...] = ()
    """Declared features over the entity's recent events, beside those that every entity has."""
    wire: Wire = PLAIN
    """How events lie in records."""
    derived: tuple[Derived, ...] = ()
    """Declared features as SQL, each over what is above it."""
    weekly: WeeklyAggregates = NOTHING_DECLARED
    """Declared aggregates of the entity's days before, beside the two that every entity has."""
    treatments: Mapping[str, Asked] = field(default_factory=dict)
    """How variables that are not numbers become inputs of models; those that are not here do not."""
    reversal: Reversal | None = None
    """Which events take others back; then the last of `velocities` says whether they are known."""

    @property
    def numbers(self) -> frozenset[str]:
        """What a model can take beside the features of the catalogue."""
        return frozenset(
            [variable.name for variable in self.variables if variable.is_number] + [*self.declared]
        )

    @property
    def entity_word(self) -> str:
        """What pages call its entity."""
        return ENTITY_WORDS["text" if self.entity is None else self.entity.kind]

    @property
    def declared(self) -> Mapping[str, str]:
        """The features that the event type declares, and what pages call each."""
        declared: tuple[Velocity | Weekly, ...] = (*self.velocities, *self.weekly.each)
        own = {each.column.name: each.label for each in declared}
        return own | {feature.name: feature.label for feature in self.derived}

    @property
    def identifying(self) -> frozenset[str]:
        """Its variables that are the id of an event, its own or another's, which models must not learn."""
        original = None if self.reversal is None else self.reversal.of
        return frozenset(
            each.name for each in self.variables if each.field == self.id or each.name == original
        )

    @property
    def input_labels(self) -> Mapping[str, str]:
        """All that models can learn of variables by their treatments, and what pages call each."""
        return input_labels(
            [(EVENT_TIME.name, "timestamp"), *((each.name, each.type) for each in self.variables)]
        )

    @property
    def derived_features(self) -> DerivedFeatures:
        """Computes `derived`."""
        return DerivedFeatures(self.derived)

    @property
    def inputs(self) -> tuple[Column, ...]:
        """What formulas, rules and reasons may use of every event."""
        velocities = (velocity.column for velocity in self.velocities)
        return (
            *inputs(self.entity is not None),
            *velocities,
            *(weekly.column for weekly in self.weekly.each),
        )

    @property
    def windows(self) -> Windows:
        """All velocity features, and what is kept of each event for them."""
        return Windows(self.velocities, self.money.decimals)

    @property
    def kept_values(self) -> list[KeptValue]:
        """What entries keep beside the amount: for each value a function that makes its cells of events' variables."""
        places = {variable.name: place for place, variable in enumerate(self.variables)}
        return [
            self.reversal.cells
            if self.reversal is not None and value.kind == "reversal"
            else partial(_cells, places[value.name], value.kind)
            for value in self.windows.layout.values
        ]

    @property
    def columns(self) -> dict[str, Type]:
        """Its variables as columns."""
        return {variable.name: variable.dtype for variable in self.variables}

    @property
    def filled(self) -> list[pl.Expr]:
        """Its variables of a history's columns, with defaults where they have no value, as the parser has them."""
        return [
            pl.col(variable.name)
            if variable.default is None
            else pl.col(variable.name).fill_null(variable.default)
            for variable in self.variables
        ]


def _cells(place: int, kind: Kind, variables: Sequence[Sequence[Any]]) -> list[int]:
    return cells(kind, [values[place] for values in variables])
