"""Probabilities of a few rows out of tables: a call of XGBoost takes 0.2 ms, whatever the number of rows.

The bits are XGBoost's: it adds up the leaves in the order of the trees in single precision, and so is done here.
"""

import ctypes
import json
import math
from collections.abc import Callable
from typing import Self

import numpy as np

from fraudstream.adapters.models.library import xgboost
from fraudstream.adapters.models.tree_groups import Group, Rows, TreeGroups

FEW_ROWS = 32
"""Up to so many rows the tables are faster."""

LOGISTIC = frozenset({"binary:logistic", "reg:logistic"})

EXPONENT_MAX, NO_ZERO = np.float32(88.7), np.float32(1e-16)
"""In XGBoost's logistic function: the largest exponent, and what keeps its divisor above zero."""

ONE = np.float32(1)


class FewRows:
    """The probabilities of a logistic model."""

    def __init__(self, groups: TreeGroups, margin: np.float32, exponential: Callable[[float], float]) -> None:
        """`margin`: what the sum of the trees is added to; `exponential`: of the C library, which XGBoost uses."""
        self._groups = groups
        self._table = np.concatenate([_leaves(group) for group in groups.groups])
        self._margin = margin
        self._exponential = exponential

    @classmethod
    def of(cls, booster: xgboost.Booster, groups: TreeGroups) -> Self | None:
        """Return the tables of a model; None if it is not logistic or there is no C library to ask."""
        learner = json.loads(booster.save_config())["learner"]
        exponential = getattr(ctypes.PyDLL(None), "expf", None)
        if learner["objective"]["name"] not in LOGISTIC or exponential is None:
            return None
        exponential.restype, exponential.argtypes = ctypes.c_float, [ctypes.c_float]
        score = np.float32(learner["learner_model_param"]["base_score"].strip("[]"))
        return cls(groups, np.float32(-math.log(ONE / score - ONE)), exponential)

    def probabilities(self, rows: Rows) -> Rows:
        """Return the probability of each row."""
        sums = np.empty((len(rows), len(self._groups.groups) + 1), np.float32)
        sums[:, 0] = self._margin
        self._table.take(self._groups.places(rows), out=sums[:, 1:])
        margins = np.add.accumulate(sums, axis=1, out=sums)[:, -1]
        exponents = np.minimum(-margins, EXPONENT_MAX).tolist()
        powers = np.array([self._exponential(each) for each in exponents], np.float32)
        probabilities: Rows = ONE / (powers + ONE + NO_ZERO)
        return probabilities


def _leaves(group: Group) -> Rows:
    """Return the value of the leaf that is reached by combination; zero if it is in another group of the tree."""
    table = np.zeros(len(group.combinations), np.float32)
    for leaf, path in group.leaves:
        reached = np.ones(len(table), bool)
        for split in path:
            reached &= group.goes(split)
        table[reached] = group.tree.threshold[leaf]
    return table
