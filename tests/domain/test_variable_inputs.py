"""Inputs that are made of variables: each value gives the same number one by one and in bulk, and people are told what it means."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.domain.errors import SetupError
from fraudstream.domain.features.treatments import TREATMENTS, WEEKDAYS, Treatment
from fraudstream.domain.features.variable_inputs import EACH_ROW_MAX, VariableInput, VariableInputs

TABLE = {"a": 0.0, "ä 1": 1 / 3, "": 0.25, "Ünicode 🙂": 1e-9}
TIMES = st.integers(-(2**50), 2**50) | st.none()
TEXTS = st.sampled_from([*TABLE, "b"]) | st.text(max_size=8) | st.none()


def made(
    treatment: Treatment, table: dict[str, float] | None = None, otherwise: float | None = None
) -> VariableInput:
    """Return an input of the variable shop."""
    return VariableInput("shop", treatment, table or {}, otherwise)


def said(one: VariableInput, value: Any) -> str:
    """Return the reason for a value."""
    return one.reason({"shop": value, one.name: one.of(value)})


@given(st.sampled_from(TREATMENTS), st.data())
def test_one_value_and_many_have_the_same_bits(treatment: Treatment, data: st.DataObject) -> None:
    """As a list, as a short series, and as a long one, of which each different value is computed once."""
    is_time = treatment in ("hour", "weekday")
    values = data.draw(st.lists(TIMES if is_time else TEXTS, min_size=1, max_size=20))
    one = made(treatment, TABLE, data.draw(st.none() | st.floats(0, 1)))
    series = pl.Series("shop", values, pl.Int64 if is_time else pl.String)
    times = EACH_ROW_MAX // len(values) + 1

    each = np.array([one.of(value) for value in values], np.float64)

    assert each.tobytes() == one.numbers(values).tobytes()
    assert each.tobytes() == one.numbers(series).tobytes()
    long = pl.concat([series] * times)
    assert np.tile(each, times).tobytes() == one.numbers(long).tobytes()


@given(st.integers(-(10**12), 4 * 10**12))
def test_parts_of_time_are_those_of_the_calendar_in_utc(time_ms: int) -> None:
    """Also before 1970; Python's calendar is the oracle."""
    moment = datetime.fromtimestamp(time_ms // 1000, UTC)

    assert moment.hour == made("hour").of(time_ms)
    assert moment.weekday() == made("weekday").of(time_ms)
    assert f"{moment:%A}" == WEEKDAYS[moment.weekday()]


def test_a_text_is_measured_in_characters_of_any_script() -> None:
    """Shares add up to 1; an empty text has a length and no shares."""
    measured = [made(each).of("Ünï 42…") for each in ("length", "digits", "letters", "others")]

    assert [7, 2 / 7, 3 / 7, 2 / 7] == measured
    assert [0, None] == [made(each).of("") for each in ("length", "digits")]


def test_what_is_not_in_a_table_is_missing_or_what_the_input_says() -> None:
    """A category that never came is missing; a missing value is missing in any case."""
    category, rate = made("category", {"a": 2.0}), made("fraud_rate", {"a": 0.5}, 0.01)

    assert [2.0, None, None] == [category.of(value) for value in ("a", "never", None)]
    assert [0.5, 0.01, None] == [rate.of(value) for value in ("a", "never", None)]


def test_numbers_are_looked_up_as_texts() -> None:
    """A postcode comes as text or as a number, a merchant's category code as a number."""
    category = made("category", {"5411": 3.0, "true": 1.0})

    assert [3.0, 3.0, 1.0] == [category.of(value) for value in ("5411", 5411, True)]


@pytest.mark.parametrize(
    ("treatment", "value", "sentence"),
    [
        ("category", "gas", "shop is gas"),
        ("category", "never", "shop is never, which is not among the values learnt from"),
        ("category", None, "shop is missing"),
        ("frequency", "gas", "shop is gas, which 12.5 % of the events learnt from have"),
        ("fraud_rate", "gas", "shop is gas, and 12.5 % of the events like that were fraud"),
        ("hour", 7_200_000, "shop is between 02:00 and 02:59 UTC"),
        ("weekday", 0, "shop is on a Thursday (UTC)"),
        ("length", "gas", "shop has 3 characters"),
        ("digits", "ab12", "50 % of the characters of shop are digits"),
        ("others", "", "shop is empty"),
        ("frequency", "x" * 100, f"shop is {'x' * 59}…, which is not among the values learnt from"),
    ],
)
def test_reasons_name_the_variable_and_its_value(treatment: Treatment, value: Any, sentence: str) -> None:
    """In words, whatever number the model has of it."""
    assert sentence == said(made(treatment, {"gas": 0.125}, 0.0), value)


def test_a_file_keeps_every_bit() -> None:
    """Texts of any script, and floats."""
    inputs = VariableInputs((made("fraud_rate", TABLE, 0.1), made("category", {"a": 0.0}), made("length")))

    assert inputs == VariableInputs.of_json(inputs.to_json(), "inputs")
    assert frozenset({"shop_category"}) == inputs.categories


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}1",
        b"[1]",
        b'[{"variable": "a", "treatment": "guess", "values": [], "numbers": [], "otherwise": null}]',
        b'[{"variable": "a", "treatment": "category", "values": ["x"], "numbers": [], "otherwise": null}]',
        b'[{"variable": "a", "treatment": "category", "values": [1], "numbers": [1], "otherwise": null}]',
        b'[{"variable": "a", "treatment": "category", "values": ["x"], "numbers": [NaN], "otherwise": null}]',
        b'[{"variable": "a", "treatment": "category", "values": [], "numbers": [], "otherwise": Infinity}]',
        b'[{"variable": "a", "treatment": "length", "values": [], "numbers": [], "otherwise": null},'
        b' {"variable": "a", "treatment": "length", "values": [], "numbers": [], "otherwise": null}]',
    ],
)
def test_a_file_that_describes_no_inputs_is_refused(content: bytes) -> None:
    """Before anything is computed with it."""
    with pytest.raises(SetupError, match="inputs of model 1 does not describe inputs of a model"):
        VariableInputs.of_json(content, "inputs of model 1")


@pytest.mark.parametrize(
    ("types", "features", "sentence"),
    [
        ({}, ["shop_length"], "made of the variable shop that events do not have"),
        (
            {"shop": "float"},
            ["shop_length"],
            "made of the variable shop that events have as a variable of type float",
        ),
        ({"shop": "string"}, ["amount"], "does not take shop_length"),
    ],
)
def test_a_model_whose_inputs_do_not_fit_is_refused(
    types: dict[str, str], features: list[str], sentence: str
) -> None:
    """When it is loaded, not when it decides."""
    with pytest.raises(SetupError, match=sentence):
        VariableInputs((made("length"),)).check("m-1", features, types)
