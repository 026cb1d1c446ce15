"""Reasons say what is true, with direction and norm."""

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from fraudstream.domain import reasons
from fraudstream.domain.features.catalogue import FEATURE_SETS
from fraudstream.domain.features.compute import with_features
from fraudstream.domain.features.inputs import with_amount
from fraudstream.domain.features.variable_inputs import NONE as NO_INPUTS
from fraudstream.domain.registry.insight import InsightScale
from fraudstream.domain.weekly import MISSING, STALE, UNKNOWN
from tests.builders import payments_frame


class PushedBy:
    """A model in which one feature explains the whole score."""

    version, threshold = "pushed-1", 0.5
    features = FEATURE_SETS["card"]
    inputs = NO_INPUTS
    scale: InsightScale | None = None

    def __init__(self, feature: str) -> None:
        self._at = self.features.index(feature)

    def probabilities(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Say fraud."""
        return np.ones(len(rows), dtype=np.float32)

    def contributions(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Let one feature push."""
        pushes = np.zeros((len(rows), len(self.features) + 1), dtype=np.float32)
        pushes[:, self._at] = 1.0
        return pushes


def reason(feature: str, decimals: int = 2, **columns: object) -> str:
    """Return the reason of one blocked payment which that feature has pushed up."""
    model = PushedBy(feature)
    given = {name: [value] for name, value in columns.items()}
    missing = pl.Series("weekly_missing", given.pop("weekly_missing", [None]), pl.String)
    frame = with_features(with_amount(payments_frame(10**decimals, **given), decimals), model.features)
    frame = frame.hstack([pl.Series("outcome", ["block"]), missing])
    rows = np.zeros((1, 8), dtype=np.float32)
    ((sentence,),) = reasons.reasons_of(frame, rows, model, decimals).to_list()
    return str(sentence)


@pytest.mark.parametrize("why", sorted(UNKNOWN))
@pytest.mark.parametrize("feature", ["amt_ratio1", "amt_ratio2", "count_ratio"])
def test_an_unknown_week_is_not_called_an_empty_one(feature: str, why: str):
    """The week was not found: whether the card has payments in it, nobody knows."""
    sentence = reason(feature, num_trans_last_1w=0, avg_amt_last_1w=0.0, weekly_missing=why)

    assert sentence.endswith(", and nothing is known of the week before")
    assert "without payments" not in sentence


def test_amounts_are_written_with_the_decimals_of_their_currency():
    """Yen have none, dinars three."""
    assert "amount of 1250" == reason("amount", 0, cents=1250)
    assert "refund of 0.005" == reason("amount", 3, cents=-5)
    beyond = "amount 50 % below the 10-minute average (0.010)"
    assert beyond == reason("amt_change", 3, cents=5, cents_last_10m=20, num_trans_last_10m=2)
    usual = "amount of 5 equal to the usual 5"
    assert usual == reason("amt_ratio2", 0, cents=5, avg_amt_last_1w=5.0)


@pytest.mark.parametrize("feature", ["amount", "amt_ratio2", "amt_change"])
def test_a_refund_is_called_one(feature: str):
    """It is no payment that could be compared with others."""
    assert "refund of 12.50" == reason(feature, cents=-1250)


def test_a_refund_names_the_only_payment_before_it():
    """One payment in the ten minutes is another one, since the refund is none."""
    sentence = reason("seconds_since_previous", cents=-1250, num_trans_last_10m=1, ms_since_previous=4000)

    assert "4 s after the previous payment" == sentence


@pytest.mark.parametrize("why", [None, STALE])
def test_an_empty_week_is_called_one(why: str | None):
    """The aggregates were there, if only those of the day before, and the card was not in them."""
    sentence = reason("amt_ratio2", cents=1250, avg_amt_last_1w=0.0, num_trans_last_1w=0, weekly_missing=why)

    assert "amount of 12.50, without a payment in the week before" == sentence


def test_a_mean_is_compared_with_the_usual_one():
    """Direction and norm."""
    week = {"avg_amt_last_1w": 213.75, "num_trans_last_10m": 1}
    low = reason("amt_ratio1", cents=1000, cents_last_10m=1000, **week)
    high = reason("amt_ratio2", cents=85_500, cents_last_10m=85_500, **week)

    assert "10-minute average of 10.00 far below the usual 213.75" == low
    assert "amount of 855.00 4.0 times the usual 213.75" == high


def test_a_change_of_the_amount_has_a_direction():
    """Below and above the card's average are two things."""
    lately = {"num_trans_last_10m": 2, "cents_last_10m": 4000}

    assert "amount 85 % below the 10-minute average (20.00)" == reason("amt_change", cents=300, **lately)
    assert "amount 20 % above the 10-minute average (20.00)" == reason("amt_change", cents=2400, **lately)


def test_a_week_that_is_missing_is_unknown():
    """A store without weeks of that night knows nothing of any card."""
    assert MISSING in UNKNOWN
