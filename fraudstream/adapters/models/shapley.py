"""Shapley values of a sum of trees out of tables: what XGBoost's TreeSHAP computes, in a fiftieth of its time.

A tree's part of the values depends only on which way a row goes at its splits. Trees are cut into groups of leaves on whose
paths there are at most SPLITS_MAX splits; a table has the values of each group for every combination of ways. For a row it
remains to find its combination in each group, and to add up.

Why, and how it is held equal to XGBoost: docs/decisions/0027-reasons-from-tables.md.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from fraudstream.adapters.models.trees import Split, Tree

SPLITS_MAX = 8
"""Splits of a group at most, so that a byte says which way a row goes at each of them. Deeper trees get no tables."""

TABLE_BYTES_MAX = 16 * 2**20
"""A model with larger tables gets none: they would not fit the processor's cache, and take seconds to make."""

ROWS_AT_ONCE = 256
"""With more, what is looked up does not fit the processor's cache, and takes twice as long."""

Rows = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]


class Group(NamedTuple):
    """Some leaves of a tree, with the splits on the paths to them; a split's place here is its bit in a combination."""

    tree: Tree
    splits: list[int]
    leaves: list[tuple[int, tuple[Split, ...]]]
    """With the whole path to each."""


class ShapleyTables:
    """What each feature adds to the sum of a model's trees."""

    def __init__(self, trees: Sequence[Tree], groups: Sequence[Group], features: int) -> None:
        self.thresholds = [_thresholds(trees, feature) for feature in range(features)]
        """Of each feature in all trees, in order."""
        self._ways = [np.zeros((len(each) + 2, len(groups)), np.uint8) for each in self.thresholds]
        """Of a feature: its bits in each group's combination, by the number of thresholds up to its value; the last is for NaN."""
        for number, group in enumerate(groups):
            self._note_ways(number, group)
        tables = [_table(group, features) for group in groups]
        self._table = np.concatenate(tables)
        self._starts = np.cumsum([0, *map(len, tables[:-1])])
        """Of each group in the table."""
        self._ones = np.ones((1, len(groups)))

    @classmethod
    def of(cls, trees: Sequence[Tree], features: int) -> Self | None:
        """Return the tables of trees; None if they would be too large."""
        groups: list[Group] = []
        for tree in trees:
            found = list(_groups(tree, 0, ()))
            if any(len(group.splits) > SPLITS_MAX for group in found):
                return None
            groups += found
        if sum(2 ** len(group.splits) for group in groups) * features * 8 > TABLE_BYTES_MAX:
            return None
        return cls(trees, groups, features)

    def values(self, rows: Rows) -> Values:
        """Return each feature's Shapley value in each row."""
        portions = (rows[at : at + ROWS_AT_ONCE] for at in range(0, len(rows), ROWS_AT_ONCE))
        return np.concatenate([np.zeros((0, len(self._ways))), *map(self._portion, portions)])

    def _portion(self, rows: Rows) -> Values:
        combinations = np.zeros((len(rows), len(self._starts)), np.uint8)
        for column, thresholds, ways in zip(rows.T, self.thresholds, self._ways, strict=True):
            passed = np.searchsorted(thresholds, column, side="right")
            passed[np.isnan(column)] = len(thresholds) + 1
            combinations |= ways[passed]
        found = self._table.take((combinations + self._starts).ravel(), axis=0)
        sums: Values = np.matmul(self._ones, found.reshape(*combinations.shape, -1))[:, 0]
        return sums

    def _note_ways(self, number: int, group: Group) -> None:
        for bit, split in enumerate(group.splits):
            feature = group.tree.feature[split]
            ways = self._ways[feature][:, number]
            below = np.searchsorted(self.thresholds[feature], np.float32(group.tree.threshold[split]))
            ways[: below + 1] |= 1 << bit
            if group.tree.missing_left[split]:
                ways[-1] |= 1 << bit


def _thresholds(trees: Sequence[Tree], feature: int) -> npt.NDArray[np.float32]:
    """Return the thresholds of a feature in all trees, in order, each once."""
    found = {
        tree.threshold[node]
        for tree in trees
        for node, split_by in enumerate(tree.feature)
        if split_by == feature and tree.left[node] >= 0
    }
    return np.array(sorted(found), np.float32)


def _groups(tree: Tree, node: int, path: tuple[Split, ...]) -> Iterator[Group]:
    """Cut the part of a tree below a node into groups; `path` leads to the node."""
    below = tree.splits_below(node)
    if len(path) + len(below) <= SPLITS_MAX or not below:
        yield Group(tree, [split.node for split in path] + below, list(tree.leaves_below(node, path)))
        return
    yield from _groups(tree, tree.left[node], (*path, Split(node, left=True)))
    yield from _groups(tree, tree.right[node], (*path, Split(node, left=False)))


def _table(group: Group, features: int) -> Values:
    """Return the Shapley values of a group's leaves by combination: bit i says that a row goes left at split i."""
    tree, combinations = group.tree, np.arange(2 ** len(group.splits))
    bits = {split: bit for bit, split in enumerate(group.splits)}
    table = np.zeros((len(combinations), features))
    for leaf, path in group.leaves:
        share: dict[int, float] = {}  # of the rows that a feature lets through to the leaf
        meets = {tree.feature[split.node]: np.ones(len(combinations), bool) for split in path}
        steps = pairwise([*(split.node for split in path), leaf])
        for split, (_, following) in zip(path, steps, strict=True):
            feature = tree.feature[split.node]
            share[feature] = share.get(feature, 1.0) * tree.cover[following] / tree.cover[split.node]
            meets[feature] &= (combinations >> bits[split.node] & 1 == 1) == split.left
        subset = sum(met.astype(np.intp) << place for place, met in enumerate(meets.values()))
        values = tree.threshold[leaf] * subset_values(np.array(list(share.values())))
        table[:, list(share)] += values[subset]
    return table


def subset_values(share: Values) -> Values:
    """Return the Shapley values of features for a leaf of value 1 to which each lets a share of the rows through.

    A row of the result for every subset of the features: those whose conditions a payment meets (bit i is feature i). Where
    a feature's value is not known, it counts with its share. So the value of a coalition is the product of 1 or 0 for the
    features in it and of the shares of all others, and the product of (share + met * t) over the others has
    the sum over all coalitions of k of them as its coefficient of t^k (Lundberg et al. 2020, algorithm 2, summed otherwise).
    """
    count = len(share)
    met = (np.arange(2**count)[:, None] >> np.arange(count) & 1).astype(np.float64)
    of_itself = np.eye(count, dtype=bool)
    others_share = np.where(of_itself, 1.0, share[:, None])
    others_met = np.where(of_itself, 0.0, met[:, :, None])
    coefficients = np.zeros((count + 1, 2**count, count))
    coefficients[0] = 1
    for other in range(count):
        raised = coefficients[:-1] * others_met[:, other]
        coefficients *= others_share[other]
        coefficients[1:] += raised
    orders = [math.factorial(size) * math.factorial(count - 1 - size) for size in range(count)]
    weights = np.array(orders) / math.factorial(count)
    values: Values = (met - share) * np.tensordot(weights, coefficients[:count], 1)
    return values
