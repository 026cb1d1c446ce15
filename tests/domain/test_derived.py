"""Derived features: the same to the last bit in any number of rows, and nothing but numbers that a model may see."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.declaration import Declaration
from fraudstream.domain.features.compute import matrix
from fraudstream.domain.features.derived import Derived, DerivedFeatures
from fraudstream.domain.rules import Rule, Ruleset
from tests.builders import CountingModel, payments_frame
from tests.domain.declared_mistakes import VALID

ROWS = 100_000
RANDOM = np.random.default_rng(5)
FRAME = pl.DataFrame(
    {
        "amount": np.where(RANDOM.random(ROWS) < 0.01, 0.0, RANDOM.normal(0, 1000, ROWS).round(2)),
        "risk": pl.Series(RANDOM.random(ROWS)).set(pl.Series(RANDOM.random(ROWS) < 0.1), None),
        "tries": RANDOM.integers(-3, 9, ROWS),
        "known": RANDOM.random(ROWS) < 0.5,
        "country": RANDOM.choice(["US", "DE", "", "a b"], ROWS),
    }
)
CHOSEN = [0, 1, 2, ROWS // 2, ROWS - 1, *range(1000, 1040)]

NUMBERS = st.sampled_from(["amount", "risk", "tries", "3", "7", "0.1", "0", "1e200", "LENGTH(country)"])
EXPRESSIONS = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/%"), inner).map(lambda parts: f"({' '.join(parts)})"),
        st.tuples(st.sampled_from(["ABS", "SQRT", "LN", "EXP", "SIGN", "FLOOR", "SIN", "CBRT"]), inner).map(
            lambda parts: f"{parts[0]}({parts[1]})"
        ),
        st.tuples(
            st.sampled_from(["POWER", "COALESCE", "GREATEST", "LEAST", "NULLIF", "ATAN2"]), inner, inner
        ).map(lambda parts: f"{parts[0]}({parts[1]}, {parts[2]})"),
        st.tuples(inner, inner, inner).map(
            lambda parts: f"(CASE WHEN {parts[0]} > {parts[1]} AND known THEN {parts[2]} END)"
        ),
        inner.map(lambda part: f"CAST({part} AS INT)"),
    ),
    max_leaves=6,
)


def features(**sql: str) -> DerivedFeatures:
    """Return the declared features."""
    return DerivedFeatures([Derived(name, text) for name, text in sql.items()])


def bits(frame: pl.DataFrame) -> list[bytes | None]:
    """Return the values of `far`, bit by bit."""
    return [None if value is None else np.float64(value).tobytes() for value in frame["far"]]


@settings(max_examples=60, deadline=None)
@given(EXPRESSIONS)
def test_a_value_does_not_depend_on_how_many_rows_are_computed(sql: str) -> None:
    """One row, two, three and a hundred thousand; Polars alone would differ where a constant divides."""
    far = features(far=f"{sql} + amount * 0")

    bulk = bits(far.added_to(FRAME)[CHOSEN])

    for number, row in enumerate(CHOSEN[:12]):
        assert [bulk[number]] == bits(far.added_to(FRAME[row : row + 1]))
    assert bulk[:2] == bits(far.added_to(FRAME[CHOSEN[:2]]))
    assert bulk == bits(far.added_to(pl.concat([FRAME[row : row + 1] for row in CHOSEN])))


def test_polars_alone_would_differ() -> None:
    """So a single row is computed as two; if this fails, that is no longer needed."""
    third = pl.sql_expr("amount / 3")
    bulk = FRAME.select(third.alias("far"))[:2000]

    assert bits(bulk) != [bits(FRAME[row : row + 1].select(third.alias("far")))[0] for row in range(2000)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("amount / tries", None),
        ("amount / 0", None),
        ("COALESCE(amount % tries, -2)", -2.0),
        ("-amount / 0", None),
        ("tries / tries", None),
        ("amount * 1e308 * 1e308", None),
        ("LN(amount - 9)", None),
        ("risk + 1", None),
        ("COALESCE(amount / tries, -1)", -1.0),
        ("COALESCE(risk, 0.5)", 0.5),
        ("CAST(country AS DOUBLE)", None),
        ("known", 1.0),
        ("amount > 3 AND NOT known", 0.0),
        ("tries IS NULL", 0.0),
        ("risk > 1", None),
        ("LENGTH(country) - 5", -3.0),
        ("CAST(amount * 1000000 AS BIGINT) * 9000000000000 * 9000000000000", 8.0 * 81e30),
        ("(tries + 1) / 2", 0.5),
    ],
)
def test_what_is_no_number_is_missing(sql: str, expected: float | None) -> None:
    """Never infinity, and no whole number wraps around."""
    frame = pl.DataFrame(
        {"amount": [8e-6 * 1e6], "tries": [0], "risk": [None], "known": [True], "country": ["US"]},
        schema_overrides={"risk": pl.Float64},
    )

    assert [expected] == features(far=sql).added_to(frame)["far"].to_list()


def test_a_model_never_sees_infinity() -> None:
    """Neither of a derived feature nor of a variable that 32 bits cannot hold."""
    frame = features(far="amount * 1e40").added_to(pl.DataFrame({"amount": [1.0, -1e300, 0.5]}))

    rows = matrix(frame, ["amount", "far"])

    assert [[False, True], [True, True], [False, True]] == np.isnan(rows).tolist()
    assert not np.isinf(rows).any()


def test_features_may_be_computed_of_earlier_ones() -> None:
    """A missing one is missing in the next, too."""
    made = features(half="amount / 2", ratio="half / tries", both="COALESCE(ratio, half)").added_to(
        pl.DataFrame({"amount": [3.0, 3.0], "tries": [0, 3]})
    )

    assert [(3.0, 0, 1.5, None, 1.5), (3.0, 3, 1.5, 0.5, 0.5)] == made.rows()


def test_rules_models_and_reasons_have_them() -> None:
    """Computed of a feature that the model does not take, and published."""
    text = VALID.replace('"amount", "amt_ratio1", "risk"', '"amount", "twice"').replace(
        'when = "risk > 0.9"', 'when = "far > 3"'
    )
    event_type = Declaration(
        text.replace(
            'risk = "float"', 'risk = "float"\n[derived]\ntwice = "amt_ratio2 * 2"\nfar = "twice + risk"'
        ),
        "payout.toml",
    ).read()
    frame = payments_frame(cents=[100, 100], avg_amt_last_1w=[0.5, 0.5]).with_columns(
        amount=pl.lit(1.0), country=pl.lit("US"), attempts=pl.lit(1), risk=pl.Series([-0.9, -1.1])
    )

    class TwiceModel(CountingModel):
        features = ("amount", "twice")

        def probabilities(self, rows: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
            return np.full(len(rows), 0.5, np.float32)

        def contributions(self, rows: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
            return np.tile(np.array([0, 2, 0], np.float32), (len(rows), 1))

    decided = Detector.of(TwiceModel(), event_type).decide(frame)

    assert [["risky"], []] == decided["rules"].to_list()
    assert ["twice is 4"] == decided["reasons"][0].to_list()
    assert [[1.0, 4.0], [1.0, 4.0]] == matrix(decided, TwiceModel.features).tolist()
    assert {"twice": "Twice", "far": "Far"} == event_type.declared


def test_rules_are_judged_alike_in_any_number_of_rows() -> None:
    """A rule that divides by a constant, at the very limit."""
    rules = Ruleset([Rule("limit", f"amount / 3 > {third!r}", "review") for third in [0.1]])
    several = [rules.judge(FRAME[row : row + 1])["outcome"][0] for row in range(50)]
    assert several == rules.judge(FRAME)["outcome"][:50].to_list()


def test_a_rule_looks_at_its_own_event_only() -> None:
    """The mean of a micro-batch would depend on which events are in it."""
    with pytest.raises(SetupError, match="rule 'r' uses what cannot be computed from one event alone"):
        Rule("r", "amount > AVG(amount)", "review").check({"amount": pl.Float64})
