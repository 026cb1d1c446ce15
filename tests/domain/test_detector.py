"""Features, rules and reasons through the one function that decides."""

from dataclasses import replace

import polars as pl
import pytest

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.declaration import Declaration
from fraudstream.domain.events.event_type import Variable
from fraudstream.domain.features.inputs import with_amount
from fraudstream.domain.rules import Rule, Ruleset
from tests.builders import CountingModel, payments_frame

CARD = event_type_named("card")
DEFAULT = CARD.ruleset


def decide(frame: pl.DataFrame, ruleset: Ruleset = DEFAULT) -> pl.DataFrame:
    """Decide a frame with the counting model."""
    return Detector.of(
        CountingModel(), replace(CARD, ruleset=ruleset, variables=(Variable("merchant"),))
    ).decide(with_amount(frame))


def test_ratios_compare_ten_minutes_with_the_week() -> None:
    """The sample's three ratios, by their definitions."""
    decided = decide(payments_frame(num_trans_last_10m=[5], cents_last_10m=[40_000], cents=[6_000]))

    assert 80.0 / 40.0 == decided["amt_ratio1"].item()
    assert 60.0 / 40.0 == decided["amt_ratio2"].item()
    assert 5 / 25 == decided["count_ratio"].item()


def test_without_a_week_the_ratios_are_zero() -> None:
    """No division by zero, and no guess."""
    decided = decide(payments_frame(num_trans_last_1w=[0], avg_amt_last_1w=[0.0]))

    assert (0.0, 0.0, 0.0) == decided.select("amt_ratio1", "amt_ratio2", "count_ratio").row(0)


def test_a_payment_alone_in_its_ten_minutes_is_601_seconds_after_the_previous_one() -> None:
    """Just past the window, so that larger still means longer ago."""
    assert [601.0, 12.345] == decide(payments_frame(ms_since_previous=[-1, 12_345]))[
        "seconds_since_previous"
    ].to_list()


def test_amounts_and_means_are_the_nearest_doubles() -> None:
    """Published money must read as it was paid: 0.07, not 0.07000000000000001."""
    cents = list(range(1, 5000))
    frame = with_amount(
        payments_frame(cents=cents, cents_last_10m=[c * 3 for c in cents], num_trans_last_10m=[3] * 4999)
    )

    assert [c / 100 for c in cents] == frame["amount"].to_list()
    assert [c / 100 for c in cents] == frame["avg_amt_last_10m"].to_list()


def test_a_suspicious_payment_is_blocked_with_a_reason_and_its_rules() -> None:
    """The default rules: probability above 0.8 blocks, above the threshold reviews."""
    calm, quick = decide(payments_frame(num_trans_last_1m=[1, 2])).to_dicts()

    assert ("approve", [], [], False) == (calm["outcome"], calm["rules"], calm["reasons"], calm["fraud"])
    assert ("block", ["very-likely-fraud", "likely-fraud"]) == (quick["outcome"], quick["rules"])
    assert ["2 payments within one minute"] == quick["reasons"]
    assert (10, 900) == (calm["score"], quick["score"])


def test_the_strictest_of_all_matching_rules_wins() -> None:
    """Order does not matter, so adding a rule cannot weaken another."""
    rules = Ruleset((Rule("small", "amount < 100", "review"), Rule("any", "amount >= 0", "approve")))

    assert ["review"] == decide(payments_frame(), rules)["outcome"].to_list()


def test_a_payment_no_rule_matches_is_approved() -> None:
    """A ruleset covers every score; there is no gap at exactly 700 or 900."""
    decided = decide(payments_frame(), Ruleset(()))

    assert ("approve", []) == (decided["outcome"].item(), decided["rules"].item().to_list())


def test_rules_may_use_declared_variables_and_a_missing_value_does_not_match() -> None:
    """SQL's null is neither true nor false; here it is not a match."""
    rules = Ruleset((Rule("shop", "merchant = 'Corner shop'", "review"),))

    assert ["review", "approve"] == decide(payments_frame(merchant=["Corner shop", None]), rules)[
        "outcome"
    ].to_list()


def test_a_decision_does_not_depend_on_the_rest_of_its_micro_batch() -> None:
    """One payment, or the same among others: the same answer, bit for bit."""
    frame = payments_frame(cents=[1, 777, 99_999], num_trans_last_1m=[1, 2, 3])
    together = decide(frame)

    assert together.equals(pl.concat([decide(frame[row : row + 1]) for row in range(3)]))


def test_an_empty_micro_batch_is_no_error() -> None:
    """A micro-batch of dead letters only has an empty frame."""
    assert 0 == decide(payments_frame()[:0]).height


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        (Rule("a", "score >", "review"), "not a SQL condition"),
        (Rule("a", "score > 1", "decline"), "outcomes are approve, review, block"),
    ],
)
def test_a_broken_rule_is_refused_when_it_is_read(rule: Rule, complaint: str) -> None:
    """Not when the first payment comes."""
    with pytest.raises(SetupError, match=complaint):
        Ruleset((rule,))


def test_a_rule_about_an_unknown_column_refuses_to_start() -> None:
    """A worker must not find out while it decides."""
    with pytest.raises(SetupError, match="colour"):
        Detector.of(
            CountingModel(), replace(CARD, ruleset=Ruleset((Rule("a", "colour = 'blue'", "review"),)))
        )


def test_rules_cannot_read_files() -> None:
    """SQL expressions only: no tables, no functions that touch the disk."""
    with pytest.raises(SetupError):
        Ruleset((Rule("a", "(SELECT 1 FROM read_csv('/etc/passwd')) = 1", "block"),))


def test_a_model_with_unknown_features_is_refused() -> None:
    """It says which, and what to run."""
    model = CountingModel()
    model.features = (*model.features[:-1], "moon_phase")

    with pytest.raises(SetupError, match=r"moon_phase.*fraudstream train"):
        Detector.of(model, CARD)


def test_an_event_type_that_does_not_parse_says_why() -> None:
    """In a sentence for the author of the file."""
    with pytest.raises(SetupError, match=r"x\.toml, line 1: amount is missing"):
        Declaration('name = "x"', "x.toml").read()
