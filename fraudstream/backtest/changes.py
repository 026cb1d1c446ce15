"""How the decisions of two detectors differ: how many from which outcome to which, and some of them in full."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import polars as pl

from fraudstream.backtest.labelled import NOW
from fraudstream.backtest.payments import WAS
from fraudstream.backtest.tally import Caught
from fraudstream.domain.features.schema import (
    CARD_LAST4,
    CENTS,
    EVENT_TIME,
    OUTCOME,
    REASONS,
    RULES,
    SCORE,
    TRANSACTION_ID,
)

EXAMPLES = 5
"""Of every kind of change; those whose hash of the id is smallest, so that they are always the same and of all days."""

EXAMPLE_COLUMNS = (
    *(TRANSACTION_ID.name, CARD_LAST4.name, EVENT_TIME.name, CENTS.name, NOW),
    *(f"{WAS}{column.name}" for column in (OUTCOME, SCORE, RULES)),
    *(column.name for column in (OUTCOME, SCORE, RULES)),
)

Explained = Callable[[pl.DataFrame], pl.Series]
"""Returns the column `reasons` of some payments."""


class Changes:
    """Gathers differences, slice after slice. `was_...` is the champion's decision."""

    def __init__(self, examples: int = EXAMPLES) -> None:
        self.compared = 0
        self.changed: defaultdict[tuple[str, str], Caught] = defaultdict(Caught)
        self._examples: dict[tuple[str, str], pl.DataFrame] = {}
        self._number = examples

    def add(self, decided: pl.DataFrame, explained: Explained) -> None:
        """Add payments that both have decided."""
        self.compared += decided.height
        differing = decided.filter(pl.col(OUTCOME.name) != pl.col(WAS + OUTCOME.name))
        for key, changed in differing.group_by(WAS + OUTCOME.name, OUTCOME.name, maintain_order=True):
            change = str(key[0]), str(key[1])
            self.changed[change].add(changed)
            first = self._first(changed.with_columns(order=pl.col(TRANSACTION_ID.name).hash(seed=0)))
            first = first.with_columns(explained(first)).select(
                *(pl.col(name) for name in EXAMPLE_COLUMNS if name in first.columns), REASONS.name, "order"
            )
            self._add_examples(change, first)

    def add_counted(self, other: "Changes") -> None:
        """Add what was gathered elsewhere, of later payments."""
        self.compared += other.compared
        for change, caught in other.changed.items():
            self.changed[change].add_counted(caught)
            self._add_examples(change, other._examples[change])

    def _add_examples(self, change: tuple[str, str], first: pl.DataFrame) -> None:
        before = self._examples.get(change)
        self._examples[change] = (
            first if before is None else self._first(pl.concat([before, first], how="diagonal_relaxed"))
        )

    def _first(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.sort("order").head(self._number)

    def told(self, units: float) -> dict[str, Any]:
        """Return the differences for a report."""
        changes = [
            {
                "from": before,
                "to": after,
                **caught.told(units),
                "examples": [
                    _example(row, units) for row in self._examples[before, after].iter_rows(named=True)
                ],
            }
            for (before, after), caught in sorted(self.changed.items())
        ]
        return {
            "compared": self.compared,
            "changed": sum(each["payments"] for each in changes),
            "changes": changes,
        }


def _example(row: dict[str, Any], units: float) -> dict[str, Any]:
    """Return a payment for a report."""
    return {name: value for name, value in row.items() if name not in ("order", CENTS.name)} | {
        "amount": row[CENTS.name] / units
    }
