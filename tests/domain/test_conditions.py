"""Conditions compiled for one event say what Polars says of them."""

import math
import struct
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.domain.conditions import NotCompiled, compiled
from fraudstream.domain.expressions import parsed
from fraudstream.domain.rules import Rule

COLUMNS = {
    "amount": pl.Float64,
    "probability": pl.Float64,
    "n": pl.Int64,
    "score": pl.Int32,
    "shop": pl.String,
    "city": pl.String,
    "new": pl.Boolean,
    "fraud": pl.Boolean,
}

TEXTS = ("", "a", "b", "Ä", "z", "a b", "it's")
EDGES = (0.0, -0.0, 0.8, 0.25, 1.0, -1.5, 1e15, 1e300, math.inf, math.nan, 2.5, 3.0)


def literal(text: str) -> str:
    """Write a text as SQL does."""
    return "'" + text.replace("'", "''") + "'"


numbers = st.one_of(
    st.sampled_from(["amount", "probability", "n", "score"]),
    st.sampled_from(["0.8", "0.25", "1", "-1", "0", "2.5", "1e3", "1000.50", "0.1", "3", "12345678.125"]),
    st.decimals(-1000, 1000, places=3).map(str),
    st.integers(-1000, 1000).map(str),
)
texts = st.one_of(st.sampled_from(["shop", "city"]), st.sampled_from(TEXTS).map(literal))
operators = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
truths = st.sampled_from(["new", "fraud"])
comparisons = st.one_of(
    st.builds("{} {} {}".format, numbers, operators, numbers),
    st.builds("{} {} {}".format, texts, operators, texts),
    st.builds("{} = {}".format, truths, st.sampled_from(["TRUE", "FALSE", "new"])),
    st.builds("{} IS {}NULL".format, st.sampled_from(list(COLUMNS)), st.sampled_from(["", "NOT "])),
    st.builds(
        "{} {}IN ({})".format,
        st.sampled_from(["shop", "city", "n", "score", "amount"]),
        st.sampled_from(["", "NOT "]),
        st.one_of(
            st.lists(st.one_of(st.sampled_from(TEXTS).map(literal), st.just("NULL")), min_size=1, max_size=3),
            st.lists(st.integers(-5, 5).map(str), min_size=1, max_size=3),
            st.lists(st.sampled_from(["2.5", "1", "3"]), min_size=1, max_size=3),
        ).map(", ".join),
    ),
    st.builds("amount BETWEEN {} AND {}".format, st.integers(-5, 5), st.decimals(0, 5, places=2)),
    truths,
)
conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds("({} AND {})".format, inner, inner),
        st.builds("({} OR {})".format, inner, inner),
        st.builds("NOT ({})".format, inner),
    ),
    max_leaves=6,
)


def values_of(dtype: Any) -> st.SearchStrategy[Any]:
    """Return values of a column, nulls among them."""
    if dtype == pl.Float64:
        some = st.one_of(st.sampled_from(EDGES), st.floats(-1000, 1000), st.floats())
    elif dtype in (pl.Int64, pl.Int32):
        most = 2**63 - 1 if dtype == pl.Int64 else 2**31 - 1
        some = st.one_of(st.integers(-5, 5), st.integers(-most, most))
    else:
        some = st.booleans() if dtype == pl.Boolean else st.sampled_from(TEXTS)
    return st.none() | some


rows = st.fixed_dictionaries({name: values_of(dtype) for name, dtype in COLUMNS.items()})


def polars_says(sql: str, row: dict[str, Any]) -> Any:
    """Return what Polars computes."""
    frame = pl.DataFrame({name: pl.Series([row[name]], dtype=dtype) for name, dtype in COLUMNS.items()})
    return frame.select(parsed(sql, "condition")).item()


@pytest.mark.parametrize("threshold", ["0.8", "0.25", "0.1", "0.30000000000000004", "2.5"])
@pytest.mark.parametrize("operator", ["=", ">", ">=", "<", "<="])
def test_values_next_to_a_threshold_are_judged_alike(threshold: str, operator: str) -> None:
    """A constant such as 0.8 is a decimal number to Polars."""
    edge = float(threshold)
    for value in (edge, math.nextafter(edge, 0), math.nextafter(edge, 9)):
        row = dict.fromkeys(COLUMNS) | {"probability": value}
        sql = f"probability {operator} {threshold}"

        assert polars_says(sql, row) is compiled(parsed(sql), COLUMNS)(row)


@settings(max_examples=600)
@given(sql=conditions, some=st.lists(rows, min_size=1, max_size=4))
def test_a_compiled_condition_says_what_polars_says(sql: str, some: list[dict[str, Any]]) -> None:
    """With three values of truth, and numbers of three kinds."""
    try:
        condition = compiled(parsed(sql, "condition"), COLUMNS)
    except NotCompiled:
        return
    for row in some:
        assert polars_says(sql, row) is condition(row), (sql, row)


@pytest.mark.parametrize(
    "sql",
    [
        "probability > 0.8",
        "probability > fraud_threshold AND amount > 1000",
        "shop = 'a' OR NOT fraud",
        "n >= 5 AND shop <> 'x' AND (new = TRUE OR new IS NOT NULL)",
        "amount BETWEEN 1 AND 2.5",
        "shop IN ('a', 'b') AND n NOT IN (1, 2)",
    ],
)
def test_what_rules_usually_say_is_compiled(sql: str) -> None:
    """Otherwise compiling would save nothing."""
    assert callable(compiled(Rule("r", sql, "block").condition(), COLUMNS | {"fraud_threshold": pl.Float64}))


@pytest.mark.parametrize(
    "sql",
    [
        "amount * 2 > 3",
        "shop IN ('a', NULL)",
        "amount IN (1, 2)",
        "shop LIKE '%a%'",
        "n > 99999999999",
        "n > 2.5",
    ],
)
def test_what_only_polars_computes_is_not_compiled(sql: str) -> None:
    """Polars judges those rules in any number of events."""
    with pytest.raises(NotCompiled):
        compiled(parsed(sql, "condition"), COLUMNS)


def test_floats_that_differ_in_the_last_bit_are_different() -> None:
    """So the test of values next to a threshold tests what it says."""
    assert struct.pack("d", math.nextafter(0.8, 9)) != struct.pack("d", 0.8)
