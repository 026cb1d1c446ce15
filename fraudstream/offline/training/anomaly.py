"""Fits an isolation forest to payments without labels, and writes it as an XGBoost model that adds up path lengths.

How unusual a payment is shows in how few random cuts separate it from all others. scikit-learn fits the forest; what a worker
loads needs scikit-learn no more than pickle: a leaf of each tree holds the length of the path to it, and XGBoost sums leaves.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score

from fraudstream.adapters.models.boosted import SummedPaths
from fraudstream.adapters.models.library import xgboost
from fraudstream.domain.anomaly import score_table
from fraudstream.domain.errors import SetupError
from fraudstream.domain.table import Floats, Table
from fraudstream.offline.columns import LABEL
from fraudstream.offline.model_input import Numbers, model_inputs, predicted

TREES = 100
ROWS_MAX = 1 << 18
"""Payments that are drawn from; each tree sees 256 of them, as in Liu, Ting and Zhou (2008)."""
NO_PARENT = 2**31 - 1
"""XGBoost's mark of a root."""


@dataclass(frozen=True, slots=True)
class Forest:
    """An isolation forest as it is stored."""

    booster: xgboost.Booster
    """Sums the lengths of a payment's paths."""
    table: Table
    """The score for a sum of lengths."""

    def scores(self, payments: pl.DataFrame, names: tuple[str, ...]) -> Floats:
        """Return what a worker would say of payments of a dataset."""
        return predicted(payments, names, SummedPaths(self.booster, len(names), self.table).scores)

    def judged(self, payments: pl.DataFrame, names: tuple[str, ...]) -> dict[str, Any]:
        """Say in a manifest what it is, and how well it ranks labelled payments; without labels of both kinds it does not say."""
        labelled = payments.filter(pl.col(LABEL).is_not_null()) if LABEL in payments.columns else payments[:0]
        fraud = labelled[LABEL].to_numpy().astype(bool) if labelled.height else np.zeros(0, bool)
        figures = {}
        if fraud.any() and not fraud.all():
            scores = self.scores(labelled, names)
            figures = {
                "auc": float(roc_auc_score(fraud, scores)),
                "average_precision": float(average_precision_score(fraud, scores)),
            }
        return {"trees": self.booster.num_boosted_rounds(), "metrics": figures}


def isolating(payments: pl.DataFrame, names: tuple[str, ...], seed: int) -> Forest:
    """Fit a forest to payments of a dataset, whatever their labels; raises SetupError if there are fewer than two."""
    if payments.height < 2:
        raise SetupError(
            "an anomaly model compares payments, and there are not two to learn from: use a longer history"
        )
    rng = np.random.default_rng(seed)
    chosen = payments
    if payments.height > ROWS_MAX:
        chosen = payments[np.sort(rng.choice(payments.height, ROWS_MAX, replace=False))]
    rows = np.concatenate([numbers for _, numbers in model_inputs(chosen, names)])
    return written(IsolationForest(n_estimators=TREES, random_state=seed).fit(rows), names)


def written(forest: IsolationForest, names: tuple[str, ...]) -> Forest:
    """Return scikit-learn's forest as XGBoost's: each payment takes the same path through each tree."""
    # scikit-learn keeps these lengths of all leaves, without the root, to score with.
    lengths = [
        np.asarray(depths) + np.asarray(within) - 1.0
        for depths, within in zip(
            forest._decision_path_lengths, forest._average_path_length_per_tree, strict=True
        )
    ]
    trees = [
        _tree(number, each.tree_.__getstate__()["nodes"], length, len(names))
        for number, (each, length) in enumerate(zip(forest.estimators_, lengths, strict=True))
    ]
    booster = xgboost.Booster({"nthread": 1})
    booster.load_model(bytearray(json.dumps(_model(trees, names)).encode()))
    return Forest(booster, score_table(len(trees), int(forest.max_samples_)))


def _tree(number: int, nodes: Any, lengths: npt.NDArray[np.float64], features: int) -> dict[str, Any]:
    """Return one tree in XGBoost's JSON.

    scikit-learn goes left if a float32 is at most a float64 threshold, XGBoost if it is less than a float32: the next float32
    after the threshold rounded down. Both know for each node where a missing value goes.
    """
    order = _siblings_together(nodes["left_child"], nodes["right_child"])
    place = np.empty(len(order), int)
    place[order] = np.arange(len(order))
    nodes, lengths = nodes[order], lengths[order]
    leaf = nodes["left_child"] < 0
    left, right = (np.where(leaf, -1, place[nodes[side]]) for side in ("left_child", "right_child"))
    parents = np.full(len(nodes), NO_PARENT)
    for children in (left, right):
        parents[children[~leaf]] = np.flatnonzero(~leaf)
    conditions = np.where(leaf, lengths, _just_above(nodes["threshold"]))
    return {
        "id": number,
        "left_children": left.tolist(),
        "right_children": right.tolist(),
        "parents": parents.tolist(),
        "split_indices": np.where(leaf, 0, nodes["feature"]).astype(int).tolist(),
        "split_conditions": conditions.tolist(),
        "default_left": np.where(leaf, 0, nodes["missing_go_to_left"]).astype(int).tolist(),
        "base_weights": lengths.tolist(),
        "loss_changes": [0.0] * len(nodes),
        "sum_hessian": nodes["n_node_samples"].astype(float).tolist(),
        "split_type": [0] * len(nodes),
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(features),
            "num_nodes": str(len(nodes)),
            "size_leaf_vector": "1",
        },
    }


def _siblings_together(left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]) -> list[int]:
    """Return a tree's nodes level by level: XGBoost takes the number after a left child's for the right one's, whatever is written."""
    order = [0]
    for node in order:  # which grows meanwhile
        if left[node] >= 0:
            order += [int(left[node]), int(right[node])]
    return order


def _just_above(thresholds: npt.NDArray[np.float64]) -> Numbers:
    """Return the least float32 that is greater than each threshold."""
    nearest = thresholds.astype(np.float32)
    above = np.nextafter(nearest, np.float32(np.inf))
    return np.where(nearest.astype(np.float64) > thresholds, nearest, above)


def _model(trees: list[dict[str, Any]], names: tuple[str, ...]) -> dict[str, Any]:
    """Return XGBoost's JSON of a model that adds up the leaves of trees, and nothing else."""
    return {
        "learner": {
            "attributes": {},
            "feature_names": list(names),
            "feature_types": ["float"] * len(names),
            "gradient_booster": {
                "model": {
                    "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(len(trees))},
                    "iteration_indptr": list(range(len(trees) + 1)),
                    "tree_info": [0] * len(trees),
                    "trees": trees,
                    "cats": {"enc": [], "feature_segments": [], "sorted_idx": []},
                },
                "name": "gbtree",
            },
            "learner_model_param": {
                "base_score": "[0E0]",
                "boost_from_average": "0",
                "num_class": "0",
                "num_feature": str(len(names)),
                "num_target": "1",
            },
            "objective": {"name": "reg:squarederror", "reg_loss_param": {"scale_pos_weight": "1"}},
        },
        "version": [3, 2, 0],
    }
