"""A model is given a dataset in parts, and learns and says what it would of the whole."""

from datetime import date

import numpy as np
import polars as pl
import xgboost

from fraudstream.domain.features.catalogue import FEATURE_SETS
from fraudstream.domain.features.compute import matrix
from fraudstream.domain.times import DAY_MS, midnight_ms
from fraudstream.offline.dataset import Dataset, features_of
from fraudstream.offline.model_input import ROWS_AT_ONCE, LabelledPayments, predicted
from fraudstream.offline.train import Split
from fraudstream.offline.training.options import PARAMS

NAMES = FEATURE_SETS["card"]
FIRST = date(2020, 1, 1)


def payments(rows: int, seed: int = 1) -> pl.DataFrame:
    """Return a dataset whose columns have as many different values, and as many alike, as a history's."""
    rng = np.random.default_rng(seed)
    alone = rng.random(rows) < 0.9
    lately = np.where(alone, 1, rng.integers(1, 12, rows))
    return pl.DataFrame(
        {
            "event_time": midnight_ms(FIRST) + np.sort(rng.integers(0, 20 * DAY_MS, rows)),
            "is_fraud": rng.random(rows) < np.where(alone, 0.001, 0.3),
            "amount": rng.integers(1, 1_000_000, rows) / 100,
            "num_trans_last_10m": lately,
            "avg_amt_last_10m": rng.integers(1, 1_000_000, rows) / (100 * lately),
            "seconds_since_previous": np.where(alone, 601.0, rng.integers(0, 600_000, rows) / 1000),
            "num_trans_last_1m": np.minimum(lately, rng.integers(1, 4, rows)),
            "num_trans_last_1w": rng.integers(0, 60, rows),
            "avg_amt_last_1w": rng.integers(0, 1_000_000, rows) / 3000,
        }
    )


def test_a_model_that_learns_from_parts_is_the_model_that_learns_from_all_at_once() -> None:
    """The same cuts, and the same trees to the last byte."""
    known = payments(2 * ROWS_AT_ONCE + 1234)
    whole = xgboost.QuantileDMatrix(
        matrix(features_of(known, NAMES), NAMES),
        label=known["is_fraud"].to_numpy(),
        max_bin=PARAMS["max_bin"],
    )

    parts = xgboost.QuantileDMatrix(LabelledPayments(known, NAMES), max_bin=PARAMS["max_bin"])

    params = {**PARAMS, "seed": 1}
    expected, found = whole.get_quantile_cut(), parts.get_quantile_cut()
    assert expected[0].tolist() == found[0].tolist()
    assert expected[1].tobytes() == found[1].tobytes()
    assert xgboost.train(params, whole, 5).save_raw() == xgboost.train(params, parts, 5).save_raw()


def test_what_a_model_says_of_parts_is_what_it_says_of_all() -> None:
    """In the order of the payments."""
    known = payments(ROWS_AT_ONCE + 99)
    numbers = matrix(features_of(known, NAMES), NAMES)

    said = predicted(known, NAMES, lambda rows: rows.sum(axis=1))

    assert numbers.sum(axis=1).tobytes() == said.tobytes()


def test_payments_in_any_order_are_split_alike() -> None:
    """A history is mostly in order of time, but need not be; payments without a label are left out of both sides."""
    known = payments(5000).with_columns(
        is_fraud=pl.when(pl.col("num_trans_last_1w") > 0).then(pl.col("is_fraud"))
    )
    dates = [FIRST, date(2020, 1, 20)]

    ordered = Split.of(Dataset(known, dates))
    shuffled = Split.of(Dataset(known.sample(fraction=1.0, shuffle=True, seed=2), dates))

    assert ordered.train.height + ordered.test.height < known.height
    assert ordered.train.sort(known.columns).equals(shuffled.train.sort(known.columns))
    assert ordered.test.sort(known.columns).equals(shuffled.test.sort(known.columns))


def test_labelled_payments_in_order_of_time_are_split_without_a_copy() -> None:
    """Both sides are where the dataset is."""
    known = payments(5000)

    split = Split.of(Dataset(known, [FIRST, date(2020, 1, 20)]))

    first = known.height - split.test.height - split.train.height
    amounts = known["amount"].to_numpy()
    assert np.shares_memory(amounts[first:], split.train["amount"].to_numpy())
    assert np.shares_memory(amounts[first:], split.test["amount"].to_numpy())
