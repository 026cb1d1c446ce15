"""Values of variables as an entry keeps them: 64 bits each, whatever the type, so that entries are arrays."""

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from murmurhash2 import murmurhash2

Kind = Literal["amount", "integer", "float", "boolean", "timestamp", "string", "reversal"]
"""What a velocity feature is computed of; of text only a hash is kept, which tells whether two are the same. `reversal`: the
id of the event that an event takes back."""

Ints: TypeAlias = npt.NDArray[np.int64]
Number: TypeAlias = int | float | None

MISSING = -(2**63)
"""The cell of a missing value. No float has it (-0.0 is kept as 0.0); the integer -2^63 is taken for missing."""

FLOAT = Struct("<d")
CELL = Struct("<q")


def _float_cell(value: float) -> int:
    return int(CELL.unpack(FLOAT.pack(value + 0.0))[0])


def hash64(text: str) -> int:
    """Return 64 bits that identify a text, the same in every process.

    >>> hash64("tx1") == hash64("tx1"), hash64("tx1") == hash64("tx2")
    (True, False)
    """
    raw = text.encode()
    return int(murmurhash2(raw, 0) << 32 | murmurhash2(raw, 1))


def as_text(value: str | float | bool) -> str:
    """Return a value of a string variable, which may come as a number, such as a zip code, or as true or false."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text_cell(value: Any) -> int:
    return max(hash64(as_text(value)) - 2**63, MISSING + 1)


def id_cell(id_hash: int) -> int:
    """Return the cell of a transaction id's hash, by which a reversal's entry names another entry."""
    return max(id_hash - 2**63, MISSING + 1)


def id_cells(id_hash: npt.NDArray[np.uint64]) -> Ints:
    """Return the cells of many.

    >>> id_cells(np.array([0, 2**64 - 1], np.uint64)).tolist() == [id_cell(0), id_cell(2**64 - 1)]
    True
    """
    return np.maximum((id_hash ^ np.uint64(2**63)).view(np.int64), MISSING + 1)


TO_CELL: dict[Kind, Callable[[Any], int]] = {
    "integer": int,
    "boolean": int,
    "timestamp": int,
    "float": _float_cell,
    "string": _text_cell,
}


def cells(kind: Kind, values: Sequence[Any]) -> list[int]:
    """Return the cells of some values of a variable.

    >>> cells("integer", [3, None]) == [3, MISSING]
    True
    """
    to_cell = TO_CELL[kind]
    return [MISSING if value is None else to_cell(value) for value in values]


def number(kind: Kind, cell: int) -> Number:
    """Return what a cell holds.

    >>> number("float", cells("float", [2.5])[0]), number("integer", MISSING)
    (2.5, None)
    """
    if cell == MISSING:
        return None
    return float(FLOAT.unpack(CELL.pack(cell))[0]) if kind == "float" else cell


def numbers(kind: Kind, kept: Ints) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """Return what some cells hold, and which of them hold something; `amount` is never missing."""
    if kind == "amount":
        return kept, np.ones(len(kept), np.bool_)
    values = np.ascontiguousarray(kept).view(np.float64) if kind == "float" else kept
    return values, kept != MISSING
