"""The catalogue of features and the schema of a decision's frame: each thing is declared once."""

import numpy as np
import pytest

from fraudstream.domain.errors import SetupError
from fraudstream.domain.features import catalogue, schema
from fraudstream.domain.features.catalogue import FEATURE_SETS, FEATURES, REASONS, Given, Values
from fraudstream.domain.features.compute import with_features
from fraudstream.domain.features.inputs import with_amount
from fraudstream.domain.features.schema import INPUT, Column
from tests.builders import payments_frame


def test_no_name_is_declared_twice() -> None:
    """The second would hide the first."""
    columns = [each for each in vars(schema).values() if isinstance(each, Column)]
    columns += [each.column for each in FEATURES.values() if each.formula]
    declared = [column.name for column in columns]

    assert len(set(declared)) == len(declared)
    assert len(FEATURES) == len(catalogue._CATALOGUE)


def test_every_feature_has_a_label_and_every_model_s_feature_a_reason() -> None:
    """Without a reason a worker would end at the first fraud that the feature explains."""
    assert [] == [name for name, feature in FEATURES.items() if not feature.label.strip()]
    assert set() == {name for names in FEATURE_SETS.values() for name in names} - REASONS.keys()


def test_models_take_the_sample_s_features_first_and_in_its_order() -> None:
    """A model knows its features by place."""
    sample = ("amount", "amt_ratio1", "amt_ratio2", "count_ratio")

    assert ["card-sample", "card"] == list(FEATURE_SETS)
    assert sample == FEATURE_SETS["card-sample"] == FEATURE_SETS["card"][:4]


def test_a_formula_uses_input_alone_and_gives_the_declared_type() -> None:
    """Rules are tried on these columns at start, and the archive has the type."""
    frame = with_amount(payments_frame(cents=[100, -100]))
    inputs = {column.name: frame[column.name].to_numpy() for column in INPUT}
    given: Given = inputs.__getitem__

    assert frame.schema.items() >= {column.name: column.dtype for column in INPUT}.items()
    for name, formula in catalogue.FORMULAS.items():
        values: Values = formula(given)
        assert 2 == len(values)
        assert np.isfinite(values).all()
        assert with_features(frame, [name]).schema[name] == FEATURES[name].column.dtype
    assert set() == FEATURES.keys() - catalogue.FORMULAS.keys() - inputs.keys()


@pytest.mark.parametrize("name", ["moon_phase", "avg_amt_last_1w"])
def test_a_model_may_only_take_what_can_be_explained(name: str) -> None:
    """The message says which feature, and what to run."""
    with pytest.raises(SetupError, match=rf"model m-1 needs features .*\({name}\).*fraudstream train"):
        catalogue.check_features("m-1", ["amount", name])


def test_what_every_decision_shows_is_there_without_a_formula() -> None:
    """Formulas are computed of what a model takes, and of nothing else."""
    assert [] == [name for name, feature in FEATURES.items() if feature.published and feature.formula]
