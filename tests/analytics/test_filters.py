"""A filter means in SQL what it means in the search of the archive."""

from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.adapters.archive.filters import Filter, FilterError
from fraudstream.analytics.filters import condition

TEXTS = st.sampled_from(["Kiosk", "kiosk", "Corner shop", "it's", "100%", "a_b", "", "=1+1"])
NUMBERS = st.sampled_from([-1.5, 0.0, 2.0, 100.0])
COLUMNS = {
    "amount": "DOUBLE",
    "score": "INTEGER",
    "merchant": "VARCHAR",
    "fraud": "BOOLEAN",
    "rules": "VARCHAR[]",
}
TYPES = {
    "amount": pl.Float64,
    "score": pl.Int32,
    "merchant": pl.String,
    "fraud": pl.Boolean,
    "rules": pl.List(pl.String),
}
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "amount": st.none() | NUMBERS,
            "score": st.none() | st.integers(-2, 3),
            "merchant": st.none() | TEXTS,
            "fraud": st.none() | st.booleans(),
            "rules": st.none() | st.lists(TEXTS, max_size=3),
        }
    ),
    min_size=1,
    max_size=8,
)
FILTERS = st.one_of(
    st.builds(
        Filter,
        st.sampled_from(["amount", "score"]),
        st.sampled_from([">=", "<=", "!=", "=", ">", "<"]),
        NUMBERS.map(str),
    ),
    st.builds(Filter, st.sampled_from(["merchant", "rules"]), st.sampled_from(["=", "!=", "~"]), TEXTS),
    st.builds(Filter, st.just("fraud"), st.sampled_from(["=", "!="]), st.sampled_from(["true", "False"])),
)


@given(ROWS, st.lists(FILTERS, min_size=1, max_size=3))
def test_sql_and_the_search_find_the_same(rows: list[dict[str, Any]], filters: list[Filter]) -> None:
    """Texts with quotes, lists, and what is missing, which no filter finds."""
    frame = pl.DataFrame(rows, TYPES).with_row_index("row")
    expected = frame.filter(pl.all_horizontal(each.condition(frame.schema[each.name]) for each in filters))
    sql, values = condition(filters, COLUMNS)
    with duckdb.connect() as database:
        named = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        database.execute(f"CREATE TABLE decided ({named}, row INTEGER)")
        given_rows = [[*(row[name] for name in COLUMNS), number] for number, row in enumerate(rows)]
        database.executemany("INSERT INTO decided VALUES (?, ?, ?, ?, ?, ?)", given_rows)
        found = database.execute(f"SELECT row FROM decided WHERE {sql} ORDER BY row", values).fetchall()

    assert expected["row"].to_list() == [row for (row,) in found]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("amount~1", "amount is a number"),
        ("amount=nan", "amount is a number: compare it with a number"),
        ("merchant>a", "merchant is not a number"),
        ("fraud~t", "fraud is true or false"),
        ("fraud=maybe", "fraud is true or false"),
        ("amout=1", "did you mean amount"),
    ],
)
def test_what_does_not_fit_is_said(text: str, sentence: str) -> None:
    """In the words of the search."""
    with pytest.raises(FilterError, match=sentence):
        condition([Filter.written(text)], COLUMNS)
