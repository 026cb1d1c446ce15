"""Reads an event type's file (TOML); whatever is wrong is said with the line, the cause and what to write instead."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any, TypeVar

import msgspec

from fraudstream.domain.errors import FraudstreamError, SetupError
from fraudstream.domain.events.amounts import MINOR_UNITS_MAX, Money, units_of
from fraudstream.domain.events.currencies import decimals_of
from fraudstream.domain.events.derived_table import DerivedTable
from fraudstream.domain.events.event_type import (
    EntityField,
    EventTime,
    EventType,
    LabelField,
    Variable,
)
from fraudstream.domain.events.event_type_file import (
    AmountTable,
    EntityTable,
    File,
    LabelTable,
    Path,
    TimeTable,
    line_of,
)
from fraudstream.domain.events.mistakes import mistake_in, not_toml
from fraudstream.domain.events.reversal_table import Declared, ReversalTable, reversal_of
from fraudstream.domain.events.treatment_table import treatments_of
from fraudstream.domain.events.variable_tables import Variables
from fraudstream.domain.events.velocity_tables import Velocities
from fraudstream.domain.events.weekly_tables import weekly_of
from fraudstream.domain.events.wire import EnvelopeTable, FormatTable
from fraudstream.domain.events.wire_tables import wire_of
from fraudstream.domain.features.catalogue import FEATURE_SETS, FEATURES, REASONS
from fraudstream.domain.features.schema import Type, inputs, judged_columns
from fraudstream.domain.names import did_you_mean, validate_name
from fraudstream.domain.rules import SAME_NAME, Rule, Ruleset
from fraudstream.domain.weekly_aggregates import WeeklyAggregates
from fraudstream.domain.windows.velocity import Velocity

T = TypeVar("T", bound=msgspec.Struct)


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
            line, why = not_toml(self.text, error)
            raise SetupError(f"{self.where}, line {line}: {why}") from error
        file = self._as(File, raw, ())
        entity = self._optional(EntityTable, file.entity, "entity")
        time = self._optional(TimeTable, file.time, "time")
        label = self._optional(LabelTable, file.label, "label")
        variables = Variables(self._as, self._wrong).read(file.variables)
        money, currencies, amount = self._money(raw)
        if entity is not None:
            self._check_secret(entity.field, file, time, amount, label, variables)
        velocities = Velocities(self._as, self._wrong).read(file.velocity, entity is not None, variables)
        reversal = self._reversal(file, money.refunds, variables, velocities)
        if reversal is not None:
            velocities = (*velocities, reversal.feature)
        own = {velocity.column.name: velocity.column.dtype for velocity in velocities}
        weekly = weekly_of(file.weekly, entity is not None, variables, own, self._as, self._wrong)
        own |= {each.column.name: each.column.dtype for each in weekly}
        derived = DerivedTable(self._wrong, self._said).read(file.derived, entity is not None, variables, own)
        own |= {feature.name: feature.column.dtype for feature in derived}
        names, feature_set = self._features(file, entity is not None, variables, [*own])
        with self._said(("name",)):
            name = validate_name("event type", file.name)
        form = self._optional(FormatTable, file.format, "format")
        envelope = self._optional(EnvelopeTable, file.envelope, "envelope")
        event_type = EventType(
            name=name,
            entity=None if entity is None else EntityField(entity.field, entity.kind),
            id=file.id,
            time=EventTime() if time is None else self._time(time),
            amount=amount.field,
            money=money,
            features=names,
            feature_set=feature_set,
            ruleset=self._ruleset(file, entity is not None, variables, names, own),
            variables=variables,
            weekly=WeeklyAggregates(weekly, money.decimals),
            label=None if label is None else LabelField(label.field, tuple(map(_written, label.fraud))),
            unknown_fields=file.unknown_fields,
            currency_field=amount.currency_field,
            currencies=currencies,
            velocities=velocities,
            wire=wire_of(form, envelope, self._wrong),
            derived=derived,
            reversal=None if reversal is None else reversal.reversal,
        )
        treatments = treatments_of(
            event_type, file.treatments, all_others=file.features is None, wrong=self._wrong
        )
        return replace(event_type, treatments=treatments)

    def _as(self, kind: type[T], raw: Any, path: Path) -> T:
        """Return a table of the file as what it should be."""
        try:
            return msgspec.convert(raw, kind)
        except msgspec.ValidationError as error:
            keys, why = mistake_in(kind, error)
            raise self._wrong((*path, *keys), why) from None

    def _optional(self, kind: type[T], raw: Any, name: str) -> T | None:
        return None if raw is None else self._as(kind, raw, (name,))

    def _wrong(self, path: Path, why: str) -> SetupError:
        line = line_of(self.text, path)
        key = ".".join(str(part) for part in path if isinstance(part, str))
        return SetupError(f"{self.where}, line {line}{f', {key}' if key else ''}: {why}")

    @contextmanager
    def _said(self, path: Path) -> Iterator[None]:
        """Say of every error within in which line of the file its cause is."""
        try:
            yield
        except FraudstreamError as error:
            raise self._wrong(path, str(error)) from error

    def _reversal(
        self, file: File, refunds: str, variables: Sequence[Variable], velocities: Sequence[Velocity]
    ) -> Declared | None:
        table = self._optional(ReversalTable, file.reversal, "reversal")
        if table is None:
            return None
        taken = {*(each.name for each in variables), *file.velocity, *file.weekly, *file.derived}
        return reversal_of(table, file, refunds, variables, velocities, taken, self._wrong)

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

    def _check_secret(
        self,
        secret: str,
        file: File,
        time: TimeTable | None,
        amount: AmountTable,
        label: LabelTable | None,
        variables: Sequence[Variable],
    ) -> None:
        """Raise SetupError if anything else names the entity's field."""
        fields: dict[Path, Sequence[str | None]] = {
            ("id",): [file.id],
            ("time", "fields"): time.fields if time else [],
            ("amount", "field"): [amount.field],
            ("amount", "currency_field"): [amount.currency_field],
            ("label", "field"): [label.field if label else None],
            **{("variables", variable.name): [variable.field] for variable in variables},
        }
        for path, names in fields.items():
            if secret in names:
                raise self._wrong(
                    path,
                    f"{secret} is the entity, which is only published as a token: name another field, or leave this out",
                )

    def _money(self, raw: Mapping[str, Any]) -> tuple[Money, dict[str, Money], AmountTable]:
        """Return what amounts are, and what they are in each currency if events have one of their own."""
        amount = self._as(AmountTable, raw["amount"], ("amount",))
        if amount.currency_field is not None and not amount.currencies:
            raise self._wrong(
                ("amount", "currency_field"),
                'say which currencies events may have, too, e.g. currencies = ["USD", "JPY"]',
            )
        if amount.currencies and amount.currency_field is None:
            raise self._wrong(
                ("amount", "currencies"),
                'say in which field the currency is, e.g. currency_field = "currency"; if it is always the same, write '
                f'currency = "{amount.currencies[0]}" instead',
            )
        if amount.currency is None and not amount.currencies:
            raise self._wrong(
                ("amount",),
                'say in which currency amounts are, e.g. currency = "USD"; or where: currency_field and currencies',
            )
        with self._said(("amount", "currencies" if amount.currencies else "currency")):
            each = {code: decimals_of(code) for code in amount.currencies or [str(amount.currency)]}
        decimals = max(each.values())
        limit = amount.max
        if limit is None:
            limit = MINOR_UNITS_MAX / units_of(decimals)
        with self._said(("amount", "max" if amount.max is not None else "field")):
            money = Money(amount.currency or "any", decimals, limit, amount.refunds, amount.form)
            own = {
                code: Money(code, own_decimals, limit, amount.refunds, amount.form)
                for code, own_decimals in each.items()
            }
        if amount.currencies and amount.currency is not None and amount.currency not in own:
            raise self._wrong(
                ("amount", "currency"),
                f"{amount.currency} is the currency of events without one: add it to currencies",
            )
        return money, own if amount.currencies else {}, amount

    def _features(
        self, file: File, has_entity: bool, variables: Sequence[Variable], declared: Sequence[str]
    ) -> tuple[tuple[str, ...], str]:
        """Return what models take, and its name."""
        numbers = [*(variable.name for variable in variables if variable.is_number), *declared]
        own = [name for name in REASONS if has_entity or name in {column.name for column in inputs(False)}]
        if file.features is None:
            return ((FEATURE_SETS["card"] if has_entity else tuple(own)) + tuple(numbers)), file.name
        if isinstance(file.features, str):
            if not has_entity or file.features not in FEATURE_SETS:
                why = (
                    f"there is no set of features {file.features!r}{did_you_mean(file.features, FEATURE_SETS)}; there are "
                    f"{', '.join(FEATURE_SETS)}; or list features"
                    if has_entity
                    else f'an event type without an entity has no set {file.features!r}: list features, e.g. ["amount"]'
                )
                raise self._wrong(("features",), why)
            return FEATURE_SETS[file.features], file.features
        known = [*own, *numbers]
        texts = [variable.name for variable in variables if not variable.is_number]
        for name in file.features:
            if name in texts:
                raise self._wrong(
                    ("features",),
                    f"{name} is not a number: name it in [treatments] instead, which says what models learn of it",
                )
            if name not in known:
                raise self._wrong(
                    ("features",),
                    f"there is no feature {name}{did_you_mean(name, known)}; there are {', '.join(known)}",
                )
        repeated = sorted({name for name in file.features if file.features.count(name) > 1})
        if repeated or not file.features:
            raise self._wrong(
                ("features",), f"{', '.join(repeated)} is listed twice" if repeated else "list at least one"
            )
        return tuple(file.features), file.name

    def _ruleset(
        self,
        file: File,
        has_entity: bool,
        variables: Sequence[Variable],
        features: Sequence[str],
        own: Mapping[str, Type],
    ) -> Ruleset:
        """Return the rules, each tried on the columns of a decision."""
        columns = judged_columns(has_entity) | {variable.name: variable.dtype for variable in variables}
        columns |= {name: FEATURES[name].column.dtype for name in features if name in FEATURES}
        columns |= own
        rules: list[Rule] = []
        for place, raw in enumerate(file.rules):
            rules.append(self._as(Rule, raw, ("rules", place)))
            with self._said(("rules", place)):
                rules[-1].check_fields()
            with self._said(("rules", place, "when")):
                rules[-1].check(columns)
            if any(rule.name == rules[-1].name for rule in rules[:-1]):
                raise self._wrong(("rules", place, "name"), SAME_NAME)
        with self._said(("rules",)):
            return Ruleset(rules, file.rules_mode)


def _written(value: str | int | bool) -> str:
    """Return a label's value as files have it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
