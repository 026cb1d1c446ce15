"""Labelled payments with what the worker knows at each: what a model learns from."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.amounts import rounded_units
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.events.reversals import Reversal
from fraudstream.domain.features.catalogue import FORMULAS
from fraudstream.domain.features.compute import with_features
from fraudstream.domain.features.inputs import with_amount
from fraudstream.domain.features.schema import CENTS
from fraudstream.domain.features.variable_inputs import NONE as NO_INPUTS
from fraudstream.domain.features.variable_inputs import VariableInputs
from fraudstream.domain.labels import LABEL_KNOWN_AT
from fraudstream.domain.windows.cells import Ints
from fraudstream.domain.windows.velocity import CARD_WINDOWS, Windows
from fraudstream.offline.columns import LABEL
from fraudstream.offline.gaps import gaps_between
from fraudstream.offline.history import dates_of, read_payments
from fraudstream.offline.opening import IMPORT
from fraudstream.offline.point_in_time import NEVER_MS, Arrived, kept_values, point_in_time
from fraudstream.offline.weeks_before import declared_weeks

LEARNT, CONFLICT = "learnt", "conflict"
"""Whether a payment is learnt from: not if it is repeated, or in conflict with its first occurrence."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Labelled payments with everything the features need.

    `frame` has event_time, is_fraud, scenario and label_known_at if known, and card_code: a number that payments of one entity share.
    """

    frame: pl.DataFrame
    dates: list[date]

    @classmethod
    def of_history(
        cls,
        directory: Path,
        partitions: int = 1,
        allowed_lateness_ms: int = NEVER_MS,
        event_type: EventType | None = None,
        labels_cut_ms: int | None = None,
        *,
        needs_labels: bool = True,
    ) -> "Dataset":
        """Read a history and compute what was known at each payment; raises SetupError if there is none.

        A repeated payment is learnt from once, one that conflicts with its first occurrence not at all. `partitions` and
        `allowed_lateness_ms` (allowed lateness) are the worker's; they only matter for a history that is not in order of time.
        `event_type` says what else payments have, and may have no entity: then there is nothing to know but each event itself,
        and a repeated one is another. None: they are card payments without variables, in hundredths of a currency.
        Archived payments before `labels_cut_ms` have the labels that were known then.
        """
        paid = read_payments(directory, read_columns(event_type), partitions, event_type, labels_cut_ms)
        if needs_labels:
            check_label(paid.columns, directory)
        known = with_known(in_units(paid, event_type), allowed_lateness_ms, event_type)
        frame, learnt = known.drop(LEARNT, CONFLICT), known[LEARNT]
        return cls(frame if learnt.all() else frame.filter(learnt), dates_of(directory))

    def described(self) -> dict[str, Any]:
        """Say of which days it is, how many payments it has, and if days are missing, which."""
        return described(self.dates, self.frame.height)


def described(dates: Sequence[date], rows: int) -> dict[str, Any]:
    """Say the same of payments that are not in memory."""
    gaps = gaps_between(dates)
    return {
        "first_date": str(dates[0]),
        "last_date": str(dates[-1]),
        "rows": rows,
        **({"gaps": gaps} if gaps else {}),
    }


def read_columns(event_type: EventType | None) -> tuple[str, ...]:
    """Return what is read of a history beside what identifies payments."""
    variables = [] if event_type is None else list(event_type.columns)
    return ("event_time", "amount", *variables, LABEL, "scenario", LABEL_KNOWN_AT)


def check_label(columns: Collection[str], directory: Path) -> None:
    """Raise SetupError if a history has no label."""
    if LABEL not in columns:
        raise SetupError(
            f"no file in {directory} has a column {LABEL}, which training needs; {IMPORT}; "
            "or train an anomaly model, which needs none: fraudstream train --anomaly alone"
        )


def in_units(paid: pl.DataFrame, event_type: EventType | None) -> pl.DataFrame:
    """Return payments as `read_payments` gives them with minor units instead of amounts, and variables filled with their defaults."""
    cents = rounded_units(paid["amount"].to_numpy(), _windows(event_type).decimals)
    paid = paid.drop("amount").with_columns(CENTS.series(cents))
    if event_type is None:
        return paid
    return paid.with_columns(
        filled for filled in event_type.filled if filled.meta.output_name() in paid.columns
    )


def with_known(
    paid: pl.DataFrame,
    allowed_lateness_ms: int,
    event_type: EventType | None,
    late_by_ms: Ints | None = None,
) -> pl.DataFrame:
    """Add to payments as `in_units` gives them what was known at each, and whether it is learnt from.

    `conflict` and `late_by_ms` are those of `point_in_time`. Without an entity nothing is known but the event itself.
    """
    windows = _windows(event_type)
    if event_type is not None and event_type.entity is None:
        frame = paid.drop("id_hash").with_columns(
            pl.lit(value=True).alias(LEARNT), pl.lit(value=False).alias(CONFLICT)
        )
    else:
        came = arrived(paid, windows, None if event_type is None else event_type.reversal)
        known = point_in_time(came, allowed_lateness_ms, windows, late_by_ms)
        if event_type is not None:
            known = known.hstack(declared_weeks(event_type.weekly, came, known, paid))
        learnt = (known["counted"] & ~known[CONFLICT]).alias(LEARNT)
        frame = paid.drop("id_hash", "partition").hstack([*known.drop("counted"), learnt])
    return with_derived(with_amount(frame, windows.decimals).drop(CENTS.name), event_type)


def _windows(event_type: EventType | None) -> Windows:
    return CARD_WINDOWS if event_type is None else event_type.windows


def arrived(paid: pl.DataFrame, windows: Windows = CARD_WINDOWS, reversal: Reversal | None = None) -> Arrived:
    """Return payments as `read_payments` gives them, with `cents`, as columns."""
    return Arrived(
        card=paid["card_code"].to_numpy(),
        event_time_ms=paid["event_time"].to_numpy(),
        cents=paid[CENTS.name].to_numpy(),
        id_hash=paid["id_hash"].to_numpy(),
        partition=paid["partition"].to_numpy(),
        values=kept_values(paid, windows.layout, reversal),
    )


def with_derived(frame: pl.DataFrame, event_type: EventType | None) -> pl.DataFrame:
    """Add the derived features; raises SetupError if the history lacks a column for one."""
    if event_type is None or not event_type.derived:
        return frame
    for name in event_type.derived_features.takes:
        if name not in frame.columns and name not in FORMULAS:
            raise SetupError(f"the history has no column {name}, from which a derived feature is computed")
    return with_features(frame, (), event_type.derived_features)


def features_of(
    frame: pl.DataFrame, names: tuple[str, ...], inputs: VariableInputs = NO_INPUTS
) -> pl.DataFrame:
    """Add a model's features to a dataset's rows, by the domain's definitions; `inputs`: those made of variables that are not there yet."""
    return inputs.added_to(with_features(frame, names))
