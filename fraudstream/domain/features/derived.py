"""Features that an event type declares as SQL over what is known of an event."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from fraudstream.domain.expressions import Expressions, Numbers, as_numbers, parsed
from fraudstream.domain.features.schema import Column


@dataclass(frozen=True, slots=True)
class Derived:
    """A declared feature; its SQL may use those declared before it."""

    name: str
    sql: str

    @property
    def column(self) -> Column:
        """Where its values are."""
        return Column(self.name, pl.Float64, "catalogue")

    @property
    def label(self) -> str:
        """What pages call it."""
        return self.name.replace("_", " ").capitalize()

    def numbers(self) -> Numbers:
        """Return its values; what is no finite number is missing, so that no model sees infinity."""
        computed, constants = as_numbers(parsed(self.sql))
        value = computed.cast(pl.Float64, strict=False)
        return Numbers(pl.when(value.is_finite()).then(value).alias(self.name), constants)


class DerivedFeatures:
    """Computes declared features of any number of events: of a micro-batch as of months of history."""

    def __init__(self, declared: Sequence[Derived]) -> None:
        own: dict[str, int] = {}
        stages: list[list[pl.Expr]] = []
        takes: dict[str, None] = {}
        self._constants: dict[str, float] = {}
        for feature in declared:
            expression, constants = feature.numbers()
            self._constants |= constants
            names = [name for name in expression.meta.root_names() if name not in constants]
            stage = max((own[name] + 1 for name in names if name in own), default=0)
            own[feature.name] = stage
            takes |= dict.fromkeys(name for name in names if name not in own)
            stages += [[] for _ in range(stage + 1 - len(stages))]
            stages[stage].append(expression)
        self._stages = [Expressions(stage) for stage in stages]
        """Each needs what is before it only."""
        self.takes = tuple(takes)
        """The columns that must be there."""

    def added_to(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return a frame with the features. Whole numbers are computed with as floats."""
        if not self._stages:
            return frame
        known = pl.DataFrame(
            [
                column.cast(pl.Float64) if column.dtype.is_integer() else column
                for column in map(frame.get_column, self.takes)
            ]
            + [
                pl.Series(name, [value]).new_from_index(0, frame.height)
                for name, value in self._constants.items()
            ]
        )
        for stage in self._stages:
            made = stage.computed(known)
            known, frame = known.hstack(made), frame.hstack(made)
        return frame


NONE = DerivedFeatures(())
