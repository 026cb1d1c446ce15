"""What a model learns of variables: how each is treated, and shares of fraud out of time, counted row by row to compare."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.declaration import Declaration
from fraudstream.domain.events.event_type import EventType, Variable
from fraudstream.domain.features.treatments import AUTO, TEXT, Asked, Treatment
from fraudstream.domain.times import DAY_MS
from fraudstream.offline.training import treating
from fraudstream.offline.training.rates import SMOOTHING, delay_ms, rates_before
from fraudstream.offline.training.treating import Treated, as_learnt, treated

OWN = Declaration(
    'name = "own"\n[amount]\nfield = "value"\ncurrency = "EUR"\n'
    '[variables]\nshop = "string"\nmcc = "integer"\nopened = "timestamp"\n',
    "own.toml",
).read()
LONG_MS = 20 * DAY_MS


def payments(rows: int = 1000, **columns: list[Any] | pl.Series) -> pl.DataFrame:
    """Return payments, the first of which is at the beginning of 1970 and the last 20 days later; every tenth is fraud."""
    fraud = np.arange(rows) % 10 == 0
    return pl.DataFrame(
        {"event_time": np.linspace(0, LONG_MS, rows).astype(np.int64), "is_fraud": fraud, **columns}
    )


def found(frame: pl.DataFrame, asked: Mapping[str, Asked], event_type: EventType = OWN) -> Treated:
    """Return how variables are treated."""
    return treated(frame, event_type, asked)


TIMES = st.integers(0, 30)


@given(
    st.lists(
        st.tuples(TIMES, TIMES | st.none(), st.sampled_from("ab🙂") | st.none(), st.booleans()),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from([["a", "b", "🙂"], ["a"], []]),
)
def test_a_share_of_fraud_knows_the_labels_before_its_payment_and_no_other(
    rows: list[tuple[int, int | None, str | None, bool]], listed: list[str]
) -> None:
    """Counted for each payment over all others; a label may become known long after, or with the payment itself."""
    columns = list(zip(*rows, strict=True))
    frame = pl.DataFrame(
        {"event_time": columns[0], "label_known_at": columns[1], "shop": columns[2], "is_fraud": columns[3]},
        {"event_time": pl.Int64, "label_known_at": pl.Int64, "shop": pl.String, "is_fraud": pl.Boolean},
    )

    shares = rates_before(frame["shop"], frame, listed)

    after = min(7 * DAY_MS, round((max(columns[0]) - min(columns[0])) / 10))
    assert delay_ms(frame) == after
    for (time, _, shop, _), share in zip(rows, shares, strict=True):
        known = [
            (value, fraud) for at, told, value, fraud in rows if (at + after if told is None else told) < time
        ]
        if shop is None or not known:
            assert np.isnan(share)
            continue
        of_all = sum(fraud for _, fraud in known) / len(known)
        of_shop = [fraud for value, fraud in known if value == shop and shop in listed]
        assert (sum(of_shop) + SMOOTHING * of_all) / (len(of_shop) + SMOOTHING) == pytest.approx(
            share, rel=1e-12
        )


@pytest.mark.parametrize(
    ("values", "treatments"),
    [
        (["gas", "food"] * 500, ("category",)),
        (["gas", None] * 500, ("category",)),
        ([f"shop {row % 65}" for row in range(1000)], ("frequency", "fraud_rate")),
        ([f"shop {row % 64}" for row in range(1000)], ("category",)),
        ([f"note {row}" for row in range(1000)], TEXT),
        (["gas"] * 1000, ()),
        ([None] * 1000, ()),
    ],
)
def test_a_text_is_treated_by_its_different_values(
    values: list[str | None], treatments: tuple[Treatment, ...]
) -> None:
    """Few are categories, many are counted, and of what never comes twice only the characters count."""
    result = found(payments(shop=pl.Series(values, dtype=pl.String)), {"shop": AUTO})

    assert treatments == result.found[0].treatments
    assert tuple(f"shop_{each}" for each in treatments) == result.inputs.names


def test_whole_numbers_and_times_are_treated_by_what_they_are() -> None:
    """A code is a category; a time has hours, and weekdays if there are weeks to learn from."""
    frame = payments(mcc=[5411, 5812] * 500, opened=[None, DAY_MS] * 500)
    short = frame.filter(pl.col("event_time") < 3 * DAY_MS)
    asked = {"mcc": AUTO, "opened": AUTO, "event_time": AUTO}

    by_name = {each.variable: each.treatments for each in found(frame, asked).found}
    assert {"mcc": ("category",), "opened": ("hour", "weekday"), "event_time": ("hour", "weekday")} == by_name
    assert ("event_time_hour", "mcc_category", "opened_hour") == found(short, asked).inputs.names


def test_a_category_that_never_came_and_a_missing_one_are_missing() -> None:
    """The most frequent one is 0, and what a worker has is what was learnt."""
    frame = payments(shop=["gas"] * 600 + ["Ünï"] * 300 + [None] * 100)

    result = found(frame, {"shop": AUTO})

    asked = pl.DataFrame({"shop": ["Ünï", "gas", "never", None]})
    assert [1.0, 0.0, None, None] == result.inputs.added_to(asked)["shop_category"].to_list()
    assert frozenset({"shop_category"}) == result.options(treating.TrainingOptions()).categories


def test_the_table_that_serves_is_of_all_labels_and_training_sees_only_earlier_ones() -> None:
    """Where all frauds are of one shop, its first payments cannot know."""
    shop = ["bad" if row % 10 == 0 else "good" for row in range(1000)]

    result = found(payments(shop=shop), {"shop": ("fraud_rate",)})

    served = result.inputs.each[0]
    assert (100 + 0.1 * SMOOTHING) / (100 + SMOOTHING) == pytest.approx(served.of("bad"))
    assert 0.1 * SMOOTHING / (900 + SMOOTHING) == pytest.approx(served.of("good"))
    assert 0.1 == served.of("never")
    learnt = as_learnt(payments(shop=shop), result.inputs)["shop_fraud_rate"]
    assert (
        learnt[:100].is_null().all()
    )  # labels count from two days after their payment on, a tenth of the time
    bad = learnt.gather_every(10).drop_nulls()
    assert bad[10] < bad[-1] < served.of("bad")


def test_values_beyond_the_table_are_learnt_as_they_will_be_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that never came, and not with the knowledge of a table that is not kept."""
    monkeypatch.setattr(treating, "VALUES_MAX", 1)
    frame = payments(shop=["often"] * 900 + ["seldom"] * 100)

    result = found(frame, {"shop": ("frequency", "fraud_rate")})

    assert [["often"], ["often"]] == [list(each.table) for each in result.inputs.each]
    learnt = as_learnt(frame, result.inputs)
    assert {0.0} == set(learnt["shop_frequency"][900:].to_list())
    asked = payments(shop=["often"] * 900 + ["other"] * 100)
    assert learnt["shop_fraud_rate"].equals(as_learnt(asked, result.inputs)["shop_fraud_rate"])


def test_no_table_has_a_card_number() -> None:
    """Also where a producer wrote one into another field, and a history was made without the worker that masks them."""
    shops = ["gas", "paid with 4006 0801 9783 2643", "food"] * 300

    result = found(payments(900, shop=shops), {"shop": ("category", "frequency", "fraud_rate")})

    assert [{"gas", "food"}] * 3 == [set(each.table) for each in result.inputs.each]


@pytest.mark.parametrize("columns", [{}, {"shop": pl.Series([None] * 1000, dtype=pl.String)}])
def test_a_variable_without_values_is_left_out_unless_it_is_asked_for(columns: dict[str, pl.Series]) -> None:
    """With a reason in the version; whoever asks for it learns what is missing."""
    frame = payments(**columns)

    result = found(frame, {"shop": AUTO})

    assert () == result.inputs.names
    assert result.described()["treatments"][0]["why"].startswith("no ")
    with pytest.raises(SetupError, match=r"shop is to be treated as category, but no .*--treat shop=none"):
        found(frame, {"shop": ("category",)})


def test_an_input_that_would_have_the_name_of_a_variable_is_refused() -> None:
    """Decisions could not publish both."""
    also = replace(OWN, variables=(*OWN.variables, Variable("shop_length", "integer")))
    with pytest.raises(
        SetupError, match="length of shop would be called shop_length, which is the name of something"
    ):
        found(payments(shop=["gas", "food"] * 500), {"shop": TEXT}, also)


def test_without_labels_nothing_is_learnt_of_fraud() -> None:
    """An anomaly model knows none."""
    frame = payments(shop=[f"shop {row % 65}" for row in range(1000)]).drop("is_fraud")

    result = treated(frame, OWN, {"shop": AUTO}, labelled=False)

    assert ("shop_frequency",) == result.inputs.names
