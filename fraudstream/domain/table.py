"""A number looked up in a table of two columns: straight lines between its rows, never falling.

A calibration and an anomaly score are such tables and not formulas, so that they are data, and the same on every machine: an
exponential function differs in its last bit from one library to the next, while +, -, * and / do not.
"""

import json
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fraudstream.domain.errors import SetupError

Floats = npt.NDArray[np.float64]


class Table:
    """What y is at each x; outside of the first and the last row it is that row's."""

    def __init__(self, x: Sequence[float] | Floats, y: Sequence[float] | Floats) -> None:
        """Raise ValueError unless there are two rows, `x` rises and `y` does not fall."""
        self.x, self.y = np.asarray(x, np.float64), np.asarray(y, np.float64)
        if self.x.ndim != 1 or self.x.shape != self.y.shape or len(self.x) < 2:
            raise ValueError("a table has two columns of the same length, at least 2")
        if not (np.isfinite(self.x).all() and np.isfinite(self.y).all()):
            raise ValueError("a table has finite numbers only")
        if not ((np.diff(self.x) > 0).all() and (np.diff(self.y) >= 0).all()):
            raise ValueError("the first column of a table rises, and the second does not fall")
        with np.errstate(over="ignore"):
            self._slope = np.diff(self.y) / np.diff(self.x)
        if not np.isfinite(self._slope).all():
            raise ValueError(
                "the rows of a table are not so near to each other that a line between them is vertical"
            )

    def at(self, x: npt.NDArray[np.floating]) -> Floats:
        """Return y at each x, none of which is NaN; it does not fall where x rises, not even by rounding."""
        row = np.clip(np.searchsorted(self.x, x, side="right") - 1, 0, len(self._slope) - 1)
        low, high = self.y[row], self.y[row + 1]
        between = np.clip(low + (x - self.x[row]) * self._slope[row], low, high)
        return np.where(x < self.x[-1], between, self.y[-1])

    def to_json(self) -> bytes:
        """Return the table as JSON, which `of_json` reads without losing a bit."""
        return json.dumps({"x": self.x.tolist(), "y": self.y.tolist()}).encode()

    @classmethod
    def of_json(cls, content: bytes, what: str) -> "Table":
        """Read a table; raises SetupError that says `what` it should be."""
        try:
            read = json.loads(content)
            return cls(read["x"], read["y"])
        except (ValueError, KeyError, TypeError) as error:
            raise SetupError(f"{what} is not a table of rising numbers ({error})") from error
