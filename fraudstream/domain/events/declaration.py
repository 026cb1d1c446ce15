"""Reads an event type's file (TOML); whatever is wrong is said with the line, the cause and what to write instead."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, TypeVar, get_args

import msgspec
import polars as pl

from fraudstream.domain.errors import FraudstreamError, SetupError
from fraudstream.domain.events.amounts import MINOR_UNITS_MAX, Money
from fraudstream.domain.events.currencies import decimals_of
from fraudstream.domain.events.event_type import (
    EntityField,
    EventTime,
    EventType,
    LabelField,
    Variable,
    VariableType,
)
from fraudstream.domain.events.event_type_file import (
    AmountTable,
    EntityTable,
    File,
    LabelTable,
    Path,
    RuleTable,
    TimeTable,
    VariableTable,
    line_of,
)
from fraudstream.domain.features.catalogue import FEATURE_SETS, FEATURES, REASONS
from fraudstream.domain.features.schema import NAMES, inputs, judged_columns
from fraudstream.domain.names import did_you_mean, validate_name
from fraudstream.domain.rules import Rule, Ruleset

T = TypeVar("T", bound=msgspec.Struct)
VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
"""What SQL takes as a name without quotes."""

PYTHON_TYPES: Mapping[VariableType, Any] = {
    "string": str,
    "integer": int,
    "float": float,
    "boolean": bool,
    "timestamp": int,
}


@dataclass(frozen=True, slots=True)
class Declaration:
    """A file's text, and what is said of its mistakes; `where` names the file."""

    text: str
    where: str

    def read(self) -> EventType:
        """Return the event type; raises SetupError that names line, cause and fix."""
        try:
            raw = tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            raise SetupError(f"{self.where} is not TOML: {error}") from error
        file = self._as(File, raw, ())
        entity = self._optional(EntityTable, file.entity, "entity")
        time = self._optional(TimeTable, file.time, "time")
        label = self._optional(LabelTable, file.label, "label")
        variables = self._variables(file, entity)
        money, currencies, amount = self._money(raw)
        names, feature_set = self._features(file, entity is not None, variables)
        with self._said(("name",)):
            name = validate_name("event type", file.name)
        return EventType(
            name=name,
            entity=None if entity is None else EntityField(entity.field, entity.kind),
            id=file.id,
            time=EventTime() if time is None else self._time(time),
            amount=amount.field,
            money=money,
            features=names,
            feature_set=feature_set,
            ruleset=self._ruleset(file, entity is not None, variables, names),
            variables=variables,
            label=None if label is None else LabelField(label.field, tuple(map(_written, label.fraud))),
            unknown_fields=file.unknown_fields,
            currency_field=amount.currency_field,
            currencies=currencies,
        )

    def _as(self, kind: type[T], raw: Any, path: Path) -> T:
        """Return a table of the file as what it should be."""
        try:
            return msgspec.convert(raw, kind)
        except msgspec.ValidationError as error:
            said, _, inner = str(error).partition(" - at `$")
            keys = [key for key in inner.rstrip("`").split(".") if key]
            unknown = re.search(r"unknown field `(.*)`", said)
            if unknown:
                names = [field.name for field in msgspec.structs.fields(kind)]
                said = f"there is no key {unknown[1]}{did_you_mean(unknown[1], names)}; there are {', '.join(names)}"
                keys.append(unknown[1])
            raise self._wrong((*path, *keys), said) from None

    def _optional(self, kind: type[T], raw: Any, name: str) -> T | None:
        return None if raw is None else self._as(kind, raw, (name,))

    def _wrong(self, path: Path, why: str) -> SetupError:
        line = line_of(self.text, path)
        key = ".".join(str(part) for part in path if isinstance(part, str))
        return SetupError(f"{self.where}, line {line}{f', {key}' if key else ''}: {why}")

    def _said(self, path: Path) -> "_Said":
        return _Said(self, path)

    def _time(self, time: TimeTable) -> EventTime:
        if not time.fields:
            raise self._wrong(
                ("time", "fields"), 'name at least one field, e.g. fields = ["time"]; or leave [time] out'
            )
        origin = time.origin
        if origin is not None and origin.tzinfo is None:
            origin = origin.replace(tzinfo=UTC)
        return EventTime(
            tuple(time.fields), time.unit, 0 if origin is None else round(origin.timestamp() * 1000)
        )

    def _variables(self, file: File, entity: EntityTable | None) -> tuple[Variable, ...]:
        """Return the variables, strings first."""
        found = [self._variable(name, raw) for name, raw in file.variables.items()]
        for variable in found:
            if entity is not None and variable.field == entity.field:
                raise self._wrong(
                    ("variables", variable.name),
                    f"{variable.field} is the entity, which is published as a token only: leave the variable out",
                )
        return tuple(sorted(found, key=lambda variable: variable.type != "string"))

    def _variable(self, name: str, raw: Any) -> Variable:
        path: Path = ("variables", name)
        table = {"type": raw} if isinstance(raw, str) else raw
        types = get_args(VariableType)
        if isinstance(table, dict) and table.get("type", "string") not in types:
            given = str(table["type"])
            raise self._wrong(
                path, f"{given!r} is no type{did_you_mean(given, types)}; there are {', '.join(types)}"
            )
        declared = self._as(VariableTable, table, path)
        if not VARIABLE_NAME.fullmatch(name):
            raise self._wrong(
                path,
                "rules could not name it: use letters, digits and '_', and say where it is in a record, e.g. "
                f'{re.sub(r"[^A-Za-z0-9_]", "_", name)} = {{ field = "{name}" }}',
            )
        if name in NAMES or name in FEATURES:
            raise self._wrong(
                path,
                f'a decision has a column {name} of its own: use another name, e.g. own_{name} = {{ field = "{declared.field or name}" }}',
            )
        default = declared.default
        if default is not None:
            with self._said((*path, "default")):
                default = msgspec.convert(default, PYTHON_TYPES[declared.type])
        return Variable(name, declared.type, declared.field or name, default)

    def _money(self, raw: Mapping[str, Any]) -> tuple[Money, dict[str, Money], AmountTable]:
        """Return what amounts are, and what they are in each currency if events have one of their own."""
        amount = self._as(AmountTable, raw["amount"], ("amount",))
        if amount.currency_field is None and amount.currency is None:
            raise self._wrong(
                ("amount",),
                'say in which currency amounts are, e.g. currency = "USD", or where: currency_field',
            )
        if (amount.currency_field is None) == bool(amount.currencies):
            raise self._wrong(
                ("amount", "currencies"),
                'currency_field and currencies belong together: name the field and all currencies, e.g. ["USD", "JPY"]',
            )
        with self._said(("amount", "currencies" if amount.currencies else "currency")):
            each = {code: decimals_of(code) for code in amount.currencies or [str(amount.currency)]}
        decimals = max(each.values())
        limit = amount.max
        if limit is None:
            limit = MINOR_UNITS_MAX / 10**decimals
        with self._said(("amount", "max" if amount.max is not None else "field")):
            money = Money(amount.currency or "any", decimals, limit, amount.refunds, amount.form)
            own = {
                code: Money(code, own_decimals, limit, amount.refunds, amount.form)
                for code, own_decimals in each.items()
            }
        if amount.currencies and amount.currency is not None and amount.currency not in own:
            raise self._wrong(
                ("amount", "currency"), "the currency of events without one must be one of currencies"
            )
        return money, own if amount.currencies else {}, amount

    def _features(
        self, file: File, has_entity: bool, variables: Sequence[Variable]
    ) -> tuple[tuple[str, ...], str]:
        """Return what models take, and its name."""
        numbers = [variable.name for variable in variables if variable.is_number]
        own = [name for name in REASONS if has_entity or name in {column.name for column in inputs(False)}]
        if file.features is None:
            return ((FEATURE_SETS["card"] if has_entity else tuple(own)) + tuple(numbers)), file.name
        if isinstance(file.features, str):
            if not has_entity or file.features not in FEATURE_SETS:
                sets = ", ".join(FEATURE_SETS) if has_entity else "none without an entity"
                raise self._wrong(
                    ("features",),
                    f"there is no set of features {file.features!r} here; there are {sets}; or list features",
                )
            return FEATURE_SETS[file.features], file.features
        known = [*own, *numbers]
        for name in file.features:
            if name not in known:
                raise self._wrong(
                    ("features",),
                    f"there is no feature {name}{did_you_mean(name, known)}; there are {', '.join(known)}",
                )
        repeated = sorted({name for name in file.features if file.features.count(name) > 1})
        if repeated or not file.features:
            raise self._wrong(
                ("features",), f"{', '.join(repeated)} is there twice" if repeated else "list at least one"
            )
        return tuple(file.features), file.name

    def _ruleset(
        self, file: File, has_entity: bool, variables: Sequence[Variable], features: Sequence[str]
    ) -> Ruleset:
        """Return the rules, each tried on the columns of a decision."""
        columns = judged_columns(has_entity) | {variable.name: variable.dtype for variable in variables}
        columns |= {name: FEATURES[name].column.dtype for name in features if name in FEATURES}
        nothing = pl.DataFrame(schema=columns)
        rules = []
        for place, raw in enumerate(file.rules):
            declared = self._as(RuleTable, raw, ("rules", place))
            rules.append(Rule(declared.name, declared.when, declared.outcome))
            with self._said(("rules", place, "when")):
                Ruleset(rules[-1:]).judge(nothing)
        with self._said(("rules",)):
            return Ruleset(rules)


@dataclass(frozen=True, slots=True)
class _Said:
    """Says of every error within in which line of the file its cause is."""

    declaration: Declaration
    path: Path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, FraudstreamError | msgspec.ValidationError):
            raise self.declaration._wrong(self.path, str(error)) from error


def _written(value: str | int | bool) -> str:
    """Return a label's value as files have it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
