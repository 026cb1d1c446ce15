"""Mistakes in `[derived]` of a valid event type: what is replaced, by what, and what is said of it."""

ABOVE = 'risk = "float"'


def derived(*lines: str) -> str:
    """Return the line above, and the table."""
    return "\n".join([ABOVE, "[derived]", *lines])


DERIVED_MISTAKES = [
    (
        ABOVE,
        derived('a = "riks / 2"'),
        "line 24, derived.a: uses an unknown column, riks; did you mean risk?; there are amount, ",
    ),
    (
        ABOVE,
        derived('a = "SELECT risk"'),
        "line 24, derived.a: is a query: write a SQL expression on one event",
    ),
    (ABOVE, derived('a = "risk /"'), "line 24, derived.a: is not a SQL expression: "),
    (
        ABOVE,
        derived('a = "SUM(risk) OVER (PARTITION BY country)"'),
        "line 24, derived.a: uses what cannot be computed from one event alone, such as SUM, COUNT, LAG or OVER: ",
    ),
    (
        ABOVE,
        derived('a = "risk - AVG(risk)"'),
        "line 24, derived.a: uses what cannot be computed from one event alone",
    ),
    (
        ABOVE,
        derived('a = "country"'),
        "line 24, derived.a: is not a number: compare it, e.g. country = 'a', or use CASE",
    ),
    (ABOVE, derived('a = "country + 1 > risk"'), "line 24, derived.a: cannot be computed: "),
    (ABOVE, derived('a = "1 / 3"'), "line 24, derived.a: is the same for every event: use a column"),
    (
        ABOVE,
        derived('a = "risk > NOW()"'),
        "line 24, derived.a: uses SQL's dates or times, but events hold times as numbers",
    ),
    (ABOVE, derived("a = 3"), 'line 24, derived.a: write SQL in quotes, e.g. a = "amount / 2"'),
    (
        ABOVE,
        derived('risk = "amount / 2"'),
        "line 24, derived.risk: there is a column risk already: use another name",
    ),
    (
        ABOVE,
        derived('amt_ratio1 = "amount"'),
        "line 24, derived.amt_ratio1: there is a column amt_ratio1 already",
    ),
    (ABOVE, derived('"a-b" = "amount"'), "line 24, derived.a-b: rules could not name it"),
    (ABOVE, derived('a = "a + 1"'), "line 24, derived.a: is computed from itself: use other columns"),
    (
        ABOVE,
        derived('a = "b + 1"', 'b = "risk"'),
        "line 24, derived.a: uses b, which is declared below it: move b above it",
    ),
    (
        ABOVE,
        derived('a = "b + 1"', 'b = "c"', 'c = "a * 2"'),
        "line 24, derived.a: and b are computed from each other: write one of them without the other",
    ),
]
