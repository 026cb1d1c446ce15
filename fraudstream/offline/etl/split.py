"""Where events to train on end and those to test on begin: a moment, and a gap before it in which labels are not yet known."""

from dataclasses import dataclass

import polars as pl

from fraudstream.domain.errors import SetupError
from fraudstream.offline.columns import TIME


@dataclass(frozen=True, slots=True)
class Split:
    """How events are split by time."""

    test_share: float = 0.2
    """About this share, the latest, is to test on."""
    cut_ms: int | None = None
    """The first moment to test on; takes precedence over the share."""
    gap_ms: int = 0
    """Events this long before the cut are in neither file: at the cut nobody knew their labels."""

    def cut(self, times: pl.Series) -> int:
        """Return the first moment to test on."""
        if self.cut_ms is not None:
            return self.cut_ms
        place = min(round(len(times) * (1 - self.test_share)), len(times) - 1)
        return int(times.sort()[place])

    def parts(self, cut_ms: int) -> dict[str, pl.Expr]:
        """Return which events are in which file."""
        time, end = pl.col(TIME), cut_ms - self.gap_ms
        gap = {"gap": (time >= end) & (time < cut_ms)} if self.gap_ms else {}
        return {"train": time < end, "test": time >= cut_ms, **gap}

    def check(self, times: pl.Series, cut_ms: int) -> None:
        """Raise SetupError if one of the files would be empty."""
        first, last = (
            pl.Series([times.min(), times.max()]).cast(pl.Datetime("ms")).dt.strftime("%Y-%m-%dT%H:%M:%SZ")
        )
        spread = f"events are from {first} to {last}"
        if not (times < cut_ms - self.gap_ms).any():
            raise SetupError(
                f"no event is left to train on before cut and gap: {spread}; cut later with --cut, or make the --gap smaller"
            )
        if not (times >= cut_ms).any():
            raise SetupError(
                f"no event is left to test on at or after the cut: {spread}; cut earlier with --cut"
            )
