"""The trees of an XGBoost model, as its JSON says them."""

import json
from collections.abc import Iterator
from typing import NamedTuple

from fraudstream.adapters.models.library import xgboost


class Split(NamedTuple):
    """A node that is passed on the way to a leaf, and where to."""

    node: int
    left: bool


class Tree(NamedTuple):
    """A tree by number of node; 0 is the root."""

    left: list[int]
    """Child for a value below the threshold; -1 for a leaf."""
    right: list[int]
    feature: list[int]
    threshold: list[float]
    """Of a leaf: its value."""
    missing_left: list[bool]
    cover: list[float]
    """Weight of the rows that came through in training."""

    def splits_below(self, node: int) -> list[int]:
        """Return a node and all below it that are not leaves."""
        if self.left[node] < 0:
            return []
        return [node, *self.splits_below(self.left[node]), *self.splits_below(self.right[node])]

    def leaves_below(self, node: int, path: tuple[Split, ...]) -> Iterator[tuple[int, tuple[Split, ...]]]:
        """Yield each leaf below a node, or the node itself, with the path to it; `path` leads to the node."""
        if self.left[node] < 0:
            yield node, path
            return
        yield from self.leaves_below(self.left[node], (*path, Split(node, left=True)))
        yield from self.leaves_below(self.right[node], (*path, Split(node, left=False)))


def thresholds_of(booster: xgboost.Booster, features: int) -> list[list[float]] | None:
    """Return the thresholds that a model compares each feature with, rising; None if it is no sum of trees that compare numbers.

    Between two of them nothing that it says changes with the feature: a value equal to a threshold is not below it.
    """
    learner = json.loads(booster.save_raw("json"))["learner"]
    boosted = learner["gradient_booster"]
    if boosted["name"] != "gbtree" or any(any(tree["split_type"]) for tree in boosted["model"]["trees"]):
        return None
    found: list[set[float]] = [set() for _ in range(features)]
    for tree in boosted["model"]["trees"]:
        nodes = zip(tree["left_children"], tree["split_indices"], tree["split_conditions"], strict=True)
        for left, feature, threshold in nodes:
            if left >= 0:
                found[feature].add(threshold)
    return [sorted(each) for each in found]


def trees_of(booster: xgboost.Booster) -> list[Tree] | None:
    """Return the trees of a model; None if it is more than a sum of trees that compare numbers."""
    learner = json.loads(booster.save_raw("json"))["learner"]
    boosted, parameters = learner["gradient_booster"], learner["learner_model_param"]
    if boosted["name"] != "gbtree" or int(parameters["num_class"]) > 1 or int(parameters["num_target"]) > 1:
        return None
    trees = boosted["model"]["trees"]
    if any(any(tree["split_type"]) or not all(tree["sum_hessian"]) for tree in trees):
        return None  # categories, or nodes that no row came through
    return [
        Tree(
            tree["left_children"],
            tree["right_children"],
            tree["split_indices"],
            tree["split_conditions"],
            list(map(bool, tree["default_left"])),
            tree["sum_hessian"],
        )
        for tree in trees
    ]
