"""Finds how each variable is to be treated, and makes the tables for it, from the payments that a model learns from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from fraudstream.adapters.models.files import INPUTS
from fraudstream.domain.card_numbers import without_card_numbers
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.catalogue import FEATURES
from fraudstream.domain.features.schema import NAMES
from fraudstream.domain.features.treatments import (
    AUTO,
    BY_VALUE,
    TEXT,
    Asked,
    Treatment,
    name_of,
    text_of,
)
from fraudstream.domain.features.variable_inputs import NONE, VariableInput, VariableInputs
from fraudstream.domain.times import DAY_MS
from fraudstream.offline.columns import LABEL, TIME
from fraudstream.offline.training.options import TrainingOptions
from fraudstream.offline.training.rates import SMOOTHING, delay_ms, rates_before, smoothed

CATEGORIES_MAX = 64
"""Of a variable with at most so many different values each is a category."""

VALUES_MAX = 100_000
"""A table has so many values at most, the most frequent ones; the others are as one that never came."""

MOSTLY_DIFFERENT = 0.5
"""From so many different values per event on, a value says nothing of the next event, only its characters do."""

HOURS_FROM_MS, WEEKDAYS_FROM_MS = 2 * DAY_MS, 14 * DAY_MS
"""How long payments must be learnt from for hours and weekdays to come more than once."""


@dataclass(frozen=True, slots=True)
class Found:
    """A variable, what its values to learn from look like, and how it is treated."""

    variable: str
    type: str
    different: int
    missing: float
    """Share of the payments that have no value."""
    treatments: tuple[Treatment, ...]
    why: str

    def described(self) -> dict[str, Any]:
        """Return it for a manifest."""
        return {
            "variable": self.variable,
            "type": self.type,
            "different_values": self.different,
            "missing": round(self.missing, 6),
            "treatments": list(self.treatments),
            "inputs": [name_of(self.variable, each) for each in self.treatments],
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Treated:
    """What a model learns of variables that are not numbers."""

    inputs: VariableInputs = NONE
    found: tuple[Found, ...] = ()
    label_delay_ms: int = 0

    def options(self, options: TrainingOptions) -> TrainingOptions:
        """Return how to fit a model that takes the inputs."""
        return replace(options, categories=self.inputs.categories)

    def files(self) -> dict[str, bytes]:
        """Return the file of a version with the inputs; none without any."""
        return {INPUTS: self.inputs.to_json()} if self.inputs.each else {}

    def described(self) -> dict[str, Any]:
        """Return it for a manifest; nothing if there was nothing to treat."""
        if not self.found:
            return {}
        return {
            "treatments": [each.described() for each in self.found],
            "fraud_rates": {
                "smoothing": SMOOTHING,
                "label_delay_days": round(self.label_delay_ms / DAY_MS, 3),
            },
        }


def treated(
    payments: pl.DataFrame, event_type: EventType, asked: Mapping[str, Asked], *, labelled: bool = True
) -> Treated:
    """Find what a model learns of an event type's variables; `labelled`: whether shares of fraud can be computed.

    Raises SetupError if a wish cannot be met.
    """
    kinds = {TIME: "timestamp"} | {each.name: each.type for each in event_type.variables}
    ordered = {name: asked[name] for name in kinds if name in asked}
    found = tuple(_found(payments, name, kinds[name], asked, labelled) for name, asked in ordered.items())
    _check_names(found, event_type)
    inputs = [_input(payments, each.variable, treatment) for each in found for treatment in each.treatments]
    return Treated(VariableInputs(tuple(inputs)), found, delay_ms(payments))


def as_learnt(payments: pl.DataFrame, inputs: VariableInputs) -> pl.DataFrame:
    """Add the inputs to the payments that their tables were made of: shares of fraud are those known at each payment."""
    rates = [each for each in inputs.each if each.treatment == "fraud_rate"]
    others = VariableInputs(tuple(each for each in inputs.each if each not in rates))
    return others.added_to(payments).with_columns(
        each.column.series(rates_before(_texts(payments[each.variable]), payments, each.table)).fill_nan(None)
        for each in rates
    )


def _found(payments: pl.DataFrame, name: str, kind: str, asked: Asked, labelled: bool) -> Found:
    """Find how a variable is treated."""
    if name not in payments.columns:
        return _asked(name, kind, asked, 0, 1.0, "no file of the history has it")
    values = payments[name]
    missing = values.null_count() / max(len(values), 1)
    different = values.drop_nulls().n_unique()
    if not different:
        return _asked(name, kind, asked, 0, missing, "no payment to learn from has a value")
    if isinstance(asked, tuple):
        return Found(name, kind, different, missing, _possible(asked, labelled), "as requested")
    treatments, why = _automatic(payments, kind, different, missing)
    return Found(name, kind, different, missing, _possible(treatments, labelled), why)


def _possible(treatments: tuple[Treatment, ...], labelled: bool) -> tuple[Treatment, ...]:
    """Leave shares of fraud out where nothing is labelled."""
    return tuple(each for each in treatments if labelled or each != "fraud_rate")


def _asked(name: str, kind: str, asked: Asked, different: int, missing: float, why: str) -> Found:
    """Return a variable without values; raises SetupError if it was to be treated in a certain way."""
    if asked not in (AUTO, ()):
        raise SetupError(
            f"{name} is to be treated as {' and '.join(asked)}, but {why}: import a history that has it, or leave it out with "
            f"--treat {name}=none"
        )
    return Found(name, kind, different, missing, (), why)


def _automatic(
    payments: pl.DataFrame, kind: str, different: int, missing: float
) -> tuple[tuple[Treatment, ...], str]:
    """Return the treatments that fit a variable's type and values, and why."""
    if kind == "timestamp":
        return _parts_of_time(payments)
    events = round(payments.height * (1 - missing))
    if different == 1 and not missing:
        return (), "all payments have the same value"
    if different <= CATEGORIES_MAX and different <= max(MOSTLY_DIFFERENT * events, 2):
        return ("category",), f"at most {CATEGORIES_MAX} different values"
    if different > MOSTLY_DIFFERENT * events:
        if kind != "string":
            return (), "almost every payment has a value of its own"
        return TEXT, "almost every payment has a value of its own, so only its characters say something"
    return ("frequency", "fraud_rate"), f"more than {CATEGORIES_MAX} different values"


def _parts_of_time(payments: pl.DataFrame) -> tuple[tuple[Treatment, ...], str]:
    time_ms = payments[TIME].to_numpy()
    spans = int(time_ms.max() - time_ms.min())
    if spans < HOURS_FROM_MS:
        return (), "two days of payments are needed to learn from hours"
    if spans < WEEKDAYS_FROM_MS:
        return ("hour",), "a time; two weeks of payments are needed to learn from weekdays"
    return ("hour", "weekday"), "a time"


def _input(payments: pl.DataFrame, variable: str, treatment: Treatment) -> VariableInput:
    """Make an input, with its table if it needs one."""
    if treatment not in BY_VALUE:
        return VariableInput(variable, treatment)
    table = _counted(payments, variable, treatment == "fraud_rate")
    values = table["value"].to_list()
    if treatment == "category":
        values = values[:CATEGORIES_MAX]
        return VariableInput(
            variable, treatment, dict(zip(values, map(float, range(len(values))), strict=True))
        )
    if treatment == "frequency":
        shares = (table["events"] / max(len(payments[variable].drop_nulls()), 1)).to_list()
        return VariableInput(variable, treatment, dict(zip(values, shares, strict=True)), 0.0)
    share = float(payments[LABEL].to_numpy().mean())
    rates = smoothed(table["fraud"].to_numpy(), table["events"].to_numpy(), share).tolist()
    return VariableInput(variable, treatment, dict(zip(values, rates, strict=True)), share)


def _counted(payments: pl.DataFrame, variable: str, with_fraud: bool) -> pl.DataFrame:
    """Return the values of a variable with how many payments have each, the most frequent first; without card numbers."""
    fraud = (
        payments[LABEL].cast(pl.Int64)
        if with_fraud
        else pl.repeat(0, payments.height, dtype=pl.Int64, eager=True)
    )
    each = pl.DataFrame({"value": _texts(payments[variable]), "fraud": fraud}).drop_nulls("value")
    counted = each.group_by("value").agg(pl.len().alias("events"), pl.col("fraud").sum())
    counted = counted.sort(["events", "value"], descending=[True, False]).head(VALUES_MAX)
    allowed = [without_card_numbers(value) == value for value in counted["value"].to_list()]
    return counted.filter(pl.Series(allowed, dtype=pl.Boolean))


def _texts(values: pl.Series) -> pl.Series:
    """Return values as tables have them."""
    if values.dtype == pl.String:
        return values
    different = values.drop_nulls().unique()
    texts = pl.Series([text_of(value) for value in different.to_list()], dtype=pl.String)
    return values.replace_strict(different, texts, default=None, return_dtype=pl.String)


def _check_names(found: Sequence[Found], event_type: EventType) -> None:
    """Raise SetupError if an input would have the name of something else."""
    taken = {*NAMES, *FEATURES, *event_type.columns, *event_type.declared}
    for each in found:
        for treatment in each.treatments:
            if name_of(each.variable, treatment) in taken:
                raise SetupError(
                    f"{treatment} of {each.variable} would be called {name_of(each.variable, treatment)}, which is the name of something "
                    f"else: rename that, or leave it out with --treat {each.variable}=none"
                )
