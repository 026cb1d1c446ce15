"""What each feature adds to a model's log odds: XGBoost's TreeSHAP, out of tables where these are proven to say the same."""

import numpy as np

from fraudstream.adapters.models.library import xgboost
from fraudstream.adapters.models.shapley import ShapleyTables
from fraudstream.adapters.models.tree_groups import Rows, TreeGroups, telling_rows
from fraudstream.adapters.models.trees import Tree

CHECKED_ROWS = 256
"""Rows on which tables are compared with XGBoost before they are used."""

UNSURE = 1e-5
"""Contributions that differ by less, as a share of the largest sum of the trees, could be in another order by XGBoost, which
adds up in single precision: such rows are asked of XGBoost. In the rows that are compared its error may be a tenth of that;
of 100 trees it is a fiftieth."""


class Contributions:
    """TreeSHAP of one model; the order of a row's contributions is XGBoost's, whoever computes them."""

    def __init__(self, booster: xgboost.Booster, features: int, groups: TreeGroups | None) -> None:
        """`groups` of the model's trees; None: there are no tables, and XGBoost is asked."""
        self._booster = booster
        self._features = features
        self._tables: ShapleyTables | None = None
        if groups is None:
            return
        tables = ShapleyTables(groups)
        self._unsure = UNSURE * sum(map(_largest_leaf, groups.trees))
        self._used = np.array([len(each) > 0 for each in groups.thresholds])
        rows = telling_rows(groups, CHECKED_ROWS)
        asked = self._asked(rows)
        self._bias = asked[0, -1]
        if np.abs(asked[:, :-1] - tables.values(rows)).max() < self._unsure / 10:
            self._tables = tables

    @property
    def from_tables(self) -> bool:
        """Tell whether there are tables that say what XGBoost says."""
        return self._tables is not None

    def of(self, rows: Rows) -> Rows:
        """Return each feature's share of each row's log odds, the bias in a last column."""
        if self._tables is None:
            return self._asked(rows)
        values = self._tables.values(rows)
        ordered = np.sort(np.column_stack([values[:, self._used], np.zeros(len(rows))]))
        unsure = (np.diff(ordered) < self._unsure).any(axis=1)
        found = np.column_stack([values, np.full(len(rows), self._bias)]).astype(np.float32)
        if unsure.any():
            found[unsure] = self._asked(rows[unsure])
        return found

    def _asked(self, rows: Rows) -> Rows:
        if not len(rows):
            return np.zeros((0, self._features + 1), np.float32)
        asked: Rows = self._booster.predict(
            xgboost.DMatrix(rows, nthread=1), pred_contribs=True, validate_features=False
        )
        return asked


def _largest_leaf(tree: Tree) -> float:
    return max(abs(value) for value, child in zip(tree.threshold, tree.left, strict=True) if child < 0)
