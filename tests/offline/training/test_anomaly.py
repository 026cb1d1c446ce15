"""The anomaly model: what a worker computes is scikit-learn's isolation forest, without scikit-learn."""

import numpy as np
import numpy.typing as npt
import pytest
import xgboost
from sklearn.ensemble import IsolationForest

from fraudstream.adapters.models.boosted import SummedPaths, predict
from fraudstream.domain.anomaly import mean_path
from fraudstream.offline.training.anomaly import written

NAMES = ("a", "b", "c", "d")
Rows = npt.NDArray[np.float32]


def made_up(rows: int, seed: int, *, missing: float = 0.0) -> Rows:
    """Return numbers of several sizes, some of them whole, some missing."""
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(rows, 4)) * [1, 1e-3, 1e6, 3]
    found[:, 3] = found[:, 3].round()
    found[rng.random(found.shape) < missing] = np.nan
    return found.astype(np.float32)


def learnt(missing: float = 0.0, sample: int = 256) -> IsolationForest:
    """Return scikit-learn's forest."""
    return IsolationForest(n_estimators=50, max_samples=sample, random_state=3).fit(
        made_up(4000, 1, missing=missing)
    )


def around_thresholds(forest: IsolationForest) -> Rows:
    """Return rows of which one number is a threshold of the forest, as float32, or one of its two neighbours."""
    rows = []
    base = made_up(3, 9)
    for tree in forest.estimators_:
        inner = tree.tree_.children_left >= 0
        cuts = zip(tree.tree_.feature[inner], tree.tree_.threshold[inner].astype(np.float32), strict=True)
        for number, (feature, nearest) in enumerate(cuts):
            below, above = (np.nextafter(nearest, np.float32(side)) for side in (-np.inf, np.inf))
            for value in (below, nearest, above):
                row = base[number % 3].copy()
                row[feature] = value
                rows.append(row)
    return np.array(rows, np.float32)


def expected_lengths(forest: IsolationForest, rows: Rows) -> npt.NDArray[np.float64]:
    """Return scikit-learn's summed lengths of the paths of each row."""
    usual = len(forest.estimators_) * mean_path(forest.max_samples_)
    return np.asarray(-np.log2(-forest.score_samples(rows)) * usual)


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("sample", [2, 5, 256, 4000])
def test_path_lengths_are_those_of_scikit_learn(missing: float, sample: int) -> None:
    """Also of rows with missing numbers, where learning saw some and where it saw none."""
    forest = learnt(missing, sample)
    rows = np.concatenate([made_up(3000, 2), made_up(3000, 3, missing=0.3)])

    lengths = predict(written(forest, NAMES).booster, rows, 4)

    assert expected_lengths(forest, rows) == pytest.approx(lengths, rel=2e-6)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_a_number_equal_to_a_threshold_takes_the_same_side(missing: float) -> None:
    """scikit-learn goes left at float32 <= float64, XGBoost at float32 < float32; leaf by leaf, at every threshold."""
    forest = learnt(missing)
    rows = around_thresholds(forest)
    booster = written(forest, NAMES).booster
    booster.set_param({"nthread": 1})

    ours = booster.predict(xgboost.DMatrix(rows), pred_leaf=True, validate_features=False)

    theirs = np.column_stack([tree.apply(rows) for tree in forest.estimators_])
    assert 10_000 < len(rows)
    for one, other in zip(theirs.T, ours.T, strict=True):
        pairs = np.unique(np.column_stack([one, other]), axis=0)
        assert len(np.unique(one)) == len(np.unique(other)) == len(pairs)


def test_scores_are_those_of_scikit_learn_to_a_tenth() -> None:
    """A thousand times its score, which is the higher the more unusual."""
    forest = learnt()
    found = written(forest, NAMES)
    rows = np.concatenate([made_up(3000, 2), 20 * made_up(100, 5)])

    scores = SummedPaths(found.booster, 4, found.table).scores(rows)

    assert np.abs(-1000 * forest.score_samples(rows) - scores).max() <= 0.0501
    assert scores[3000:].mean() > scores[:3000].mean() + 100
    assert 0 <= scores.min() < scores.max() <= 1000


def test_a_row_scores_the_same_alone_and_among_others() -> None:
    """Micro-batches of any size decide alike, and so does a forest that was stored."""
    found = written(learnt(0.1), NAMES)
    rows = made_up(500, 4, missing=0.1)
    model = SummedPaths(found.booster, 4, found.table)

    together = model.scores(rows)

    assert together.tolist() == [model.scores(row[None])[0] for row in rows]
    assert 0 == len(model.scores(rows[:0]))
