"""Reversals: events that take an earlier event of their entity back, which then counts in no window from there on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from fraudstream.domain.events.ids import fits, hashed
from fraudstream.domain.windows.cells import MISSING, as_text, hash64, id_cell

NONE_NAMED = ""
"""The original's id of a reversal that names none; no event has it."""


@dataclass(frozen=True, slots=True)
class Reversal:
    """What an event type says of its reversals."""

    of: str
    """The variable with the id of the event that is taken back."""
    places: Mapping[str, int]
    """Where `of` and `variable` are among the variables."""
    variable: str | None = None
    """The variable that says which events are reversals; None: those that name an original."""
    values: tuple[str, ...] = ()
    """Its values of reversals."""

    def original(self, variables: Sequence[Any]) -> str | None:
        """Return the id of the event that a reversal takes back, or NONE_NAMED; None if the event is no reversal."""
        given = variables[self.places[self.of]]
        text = NONE_NAMED if given is None else as_text(given)
        if self.variable is None:
            if not text.strip():
                return None
        else:
            marker = variables[self.places[self.variable]]
            if marker is None or as_text(marker) not in self.values:
                return None
        if not text.strip():
            return NONE_NAMED
        return text if fits(text) else hashed(text)

    def cells(self, variables: Sequence[Sequence[Any]]) -> list[int]:
        """Return what entries keep of each event: which one it takes back, MISSING if none."""
        originals = map(self.original, variables)
        return [MISSING if text is None else id_cell(hash64(text)) for text in originals]

    @property
    def originals(self) -> pl.Expr:
        """Return the same of a history's columns: the original's id, null for what is no reversal."""
        text = pl.col(self.of).cast(pl.String).fill_null(NONE_NAMED)
        blank = text.str.strip_chars() == NONE_NAMED
        if self.variable is None:
            return pl.when(~blank).then(text)
        marked = pl.col(self.variable).cast(pl.String).is_in(list(self.values))
        return pl.when(marked).then(pl.when(blank).then(pl.lit(NONE_NAMED)).otherwise(text))
