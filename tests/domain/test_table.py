"""Tables that calibrate: they never fall, and are the same wherever they are read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.domain.errors import SetupError
from fraudstream.domain.table import Table

RISING = st.lists(st.floats(0, 1), min_size=2, max_size=30, unique_by=lambda each: round(each, 12)).map(
    sorted
)


@given(RISING, st.data())
def test_a_table_never_falls_and_is_exact_at_its_rows(x: list[float], data: st.DataObject) -> None:
    """Not even by rounding; beyond its ends it stays what it is there."""
    y = sorted(data.draw(st.lists(st.floats(0, 1), min_size=len(x), max_size=len(x))))
    table = Table(x, y)
    asked = np.array(sorted([*x, *data.draw(st.lists(st.floats(-1, 2), max_size=30)), -5.0, 5.0]))

    said = table.at(asked)

    assert (np.diff(said) >= 0).all()
    assert (y[0], y[-1]) == (said[0], said[-1])
    assert y == table.at(np.array(x)).tolist()


@given(RISING, st.lists(st.floats(-1, 2), min_size=1, max_size=300))
def test_a_table_says_the_same_of_one_number_as_of_many_and_after_being_stored(
    x: list[float], asked: list[float]
) -> None:
    """Bit by bit."""
    table = Table(x, np.linspace(0, 1, len(x)))
    read = Table.of_json(table.to_json(), "this")

    alone = [read.at(np.array([each]))[0] for each in asked]

    assert np.array(alone).tobytes() == table.at(np.array(asked)).tobytes()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{}", "'x'"),
        (b"[1]", "list indices"),
        (b"no", "Expecting value"),
        (b'{"x": [0], "y": [0]}', "at least 2"),
        (b'{"x": [0, 1], "y": [0]}', "same length"),
        (b'{"x": [0, 0], "y": [0, 1]}', "rises"),
        (b'{"x": [0, 1], "y": [1, 0]}', "does not fall"),
        (b'{"x": [0, 1], "y": [0, NaN]}', "finite"),
        (b'{"x": [0, 5e-324], "y": [0, 1]}', "vertical"),
        (b'{"x": ["a", 1], "y": [0, 1]}', "could not convert"),
    ],
)
def test_what_is_no_table_is_said(content: bytes, why: str) -> None:
    """With the name of the file."""
    with pytest.raises(SetupError, match=rf"calibration\.json is not a table of rising numbers \(.*{why}"):
        Table.of_json(content, "calibration.json")
