"""The trees of a model cut into groups of leaves, so that what a group says can be looked up in a table.

What a tree says of a row depends only on which way the row goes at its splits. On the paths to the leaves of a group there are
at most SPLITS_MAX splits; a table has what the group says for every combination of ways.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from fraudstream.adapters.models.trees import Split, Tree

SPLITS_MAX = 8
"""Splits of a group at most, so that a byte says which way a row goes at each of them. Deeper trees are not cut."""

COMBINATIONS_MAX = 2**18
"""Of all groups together. Tables for more do not fit the processor's cache, and take seconds to make."""

Rows = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]


class Group(NamedTuple):
    """Some leaves of a tree, with the splits on the paths to them; a split's place here is its bit in a combination."""

    tree: Tree
    splits: list[int]
    leaves: list[tuple[int, tuple[Split, ...]]]
    """With the whole path to each."""

    @property
    def combinations(self) -> Places:
        """All combinations: bit i says that a row goes left at split i."""
        return np.arange(2 ** len(self.splits))

    def goes(self, split: Split) -> npt.NDArray[np.bool_]:
        """Return for each combination whether a row passes a split the way it is passed to a leaf."""
        left: npt.NDArray[np.bool_] = (self.combinations >> self.splits.index(split.node) & 1).astype(bool)
        return left if split.left else ~left


class TreeGroups:
    """All groups of a model, in the order of its trees, and the way of a row through them."""

    def __init__(self, trees: Sequence[Tree], groups: Sequence[Group], features: int) -> None:
        self.trees = trees
        self.groups = groups
        self.thresholds = [_thresholds(trees, feature) for feature in range(features)]
        """Of each feature in all trees, in order."""
        ways = [np.zeros((len(each) + 2, len(groups)), np.uint8) for each in self.thresholds]
        for number, group in enumerate(groups):
            self._note_ways([each[:, number] for each in ways], group)
        self._ways = np.concatenate(ways)
        """A feature's bits in each group's combination, by the number of thresholds up to its value; after these, for NaN."""
        self._first_way = np.cumsum([0, *map(len, ways[:-1])])[:, None]
        self._missing = np.array(list(map(len, self.thresholds)))[:, None] + 1
        self._starts = np.cumsum([0, *(len(group.combinations) for group in groups[:-1])])

    @classmethod
    def of(cls, trees: Sequence[Tree], features: int) -> Self | None:
        """Cut trees into groups; None if they are too deep or too many."""
        groups = [group for tree in trees for group in _groups(tree, 0, ())]
        if any(len(group.splits) > SPLITS_MAX for group in groups):
            return None
        if sum(2 ** len(group.splits) for group in groups) > COMBINATIONS_MAX:
            return None
        return cls(trees, groups, features)

    def places(self, rows: Rows) -> Places:
        """Return, rows x groups, where each row's combination lies in a table of the combinations of all groups."""
        passed = np.empty((len(self.thresholds), len(rows)), np.intp)
        for feature, thresholds in enumerate(self.thresholds):
            passed[feature] = thresholds.searchsorted(rows[:, feature], side="right")
        missing = np.isnan(rows)
        if missing.any():
            passed = np.where(missing.T, self._missing, passed)
        combinations = np.bitwise_or.reduce(self._ways.take(passed + self._first_way, axis=0), axis=0)
        places: Places = combinations + self._starts
        return places

    def _note_ways(self, ways: Sequence[npt.NDArray[np.uint8]], group: Group) -> None:
        for bit, split in enumerate(group.splits):
            feature = group.tree.feature[split]
            below = self.thresholds[feature].searchsorted(np.float32(group.tree.threshold[split]))
            ways[feature][: below + 1] |= 1 << bit
            if group.tree.missing_left[split]:
                ways[feature][-1] |= 1 << bit


def telling_rows(groups: TreeGroups, count: int) -> Rows:
    """Return rows of values on thresholds, right beside them, infinite and missing: where an evaluation could go wrong."""
    chance = np.random.default_rng(1)
    columns = []
    for thresholds in groups.thresholds:
        on = chance.choice(thresholds if len(thresholds) else np.zeros(1, np.float32), count)
        beside = np.nextafter(on, chance.choice(np.array([-np.inf, np.inf], np.float32), count))
        columns.append(np.where(chance.random(count) < 0.5, on, beside))
    rows = np.column_stack(columns).astype(np.float32)
    rows[chance.random(rows.shape) < 0.05] = np.nan
    return rows


def _thresholds(trees: Sequence[Tree], feature: int) -> Rows:
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
