"""Decides the newest events once more with a release that is to be used, to see that it can, and how long it takes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.schema import EVENT_TIME, TRANSACTION_ID
from fraudstream.domain.rules import is_alert

EVENTS_MAX = 1000
MADE_UP: Mapping[str, Any] = {"amount": 10.0}
"""A decision as it could be, where there is none yet."""

TIMES = 3
"""How often it is decided at most; the quickest counts, because the first time also makes what later ones use."""

Clock = Callable[[], float]
"""Seconds, of any beginning."""


class DryRun(NamedTuple):
    """Events, and how long deciding all of them may take."""

    events: pl.DataFrame
    """What a detector takes: id, time, inputs and variables of an event type."""
    budget_ms: float
    clock: Clock

    def of(self, detector: Detector) -> str:
        """Say what a detector did; raises SetupError if it took too long. Whatever deciding raises is a refusal, too."""
        rows = self.events.height
        spent_ms = []
        for _ in range(TIMES):
            started = self.clock()
            try:
                decided = detector.decide(self.events)
            except (pl.exceptions.PolarsError, ArithmeticError, ValueError, KeyError) as error:
                why = str(error).partition("\n")[0]
                raise SetupError(f"it cannot decide events of today: {why}") from error
            spent_ms.append((self.clock() - started) * 1000)
            if spent_ms[-1] <= self.budget_ms:
                break
        took_ms = min(spent_ms)
        if took_ms > self.budget_ms:
            raise SetupError(
                f"deciding {rows:,} events took {took_ms:.0f} ms, and may take {self.budget_ms:g}; make its model or rules "
                "smaller, or raise FRAUDSTREAM_RELEASE_DRY_RUN_MS"
            )
        alerts = int(is_alert(decided["outcome"]).sum())
        return f"{rows:,} events in {took_ms:.1f} ms, {alerts:,} alerts"


def events_of(decisions: Sequence[Mapping[str, Any]], event_type: EventType) -> pl.DataFrame:
    """Return published decisions as the columns that they were made of; what was not published is 0 or missing."""
    columns: dict[str, list[Any]] = {}
    taken = (TRANSACTION_ID, EVENT_TIME, *event_type.inputs)
    schema = {column.name: column.dtype for column in taken} | event_type.columns
    for name, dtype in schema.items():
        values = [_published(decision, name) for decision in decisions]
        if dtype == pl.Boolean:
            values = [None if value is None else bool(value) for value in values]
        elif dtype.is_numeric() and name not in event_type.columns and name not in event_type.declared:
            values = [0 if value is None else value for value in values]
        columns[name] = values
    return pl.DataFrame(columns, schema=schema, strict=False)


def _published(decision: Mapping[str, Any], name: str) -> Any:
    if name in decision:
        return decision[name]
    return (decision.get("features") or {}).get(name, (decision.get("variables") or {}).get(name))
