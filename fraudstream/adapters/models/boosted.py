"""Models that XGBoost computes: a classifier, an isolation forest beside it, and such a forest alone."""

import ctypes
import json
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fraudstream.adapters.models.contributions import Contributions
from fraudstream.adapters.models.few_rows import FEW_ROWS, FewRows
from fraudstream.adapters.models.library import xgboost
from fraudstream.adapters.models.tree_groups import TreeGroups, telling_rows
from fraudstream.adapters.models.trees import thresholds_of, trees_of
from fraudstream.domain.anomaly import Anomaly, scored_by
from fraudstream.domain.features.variable_inputs import NONE, VariableInputs
from fraudstream.domain.model import calibrated
from fraudstream.domain.registry.insight import InsightScale
from fraudstream.domain.table import Floats, Table

PREDICT = json.dumps(
    {
        "type": 0,  # probabilities, not log odds
        "training": False,
        "iteration_begin": 0,
        "iteration_end": 0,  # all trees
        "missing": float("nan"),
        "strict_shape": False,
        "cache_id": 0,
    }
).encode()
"""What `Booster.inplace_predict` asks of XGBoosterPredictFromDense by default."""

COMPARED_ROWS = 2048
"""Rows on which what computes few rows has to have the bits of XGBoost."""


def predict(
    booster: xgboost.Booster, rows: npt.NDArray[np.float32], features: int
) -> npt.NDArray[np.float32]:
    """Return what a booster says of each row (float32, C order, so many columns).

    Calls the C function behind `Booster.inplace_predict` directly. That saves 0.1 ms of Python that inspects the
    kind of table, which matters in a micro-batch of a few payments.
    """
    _require_fit(rows, features)
    if not len(rows):
        return np.zeros(0, np.float32)
    interface = b'{"data":[%d,true],"shape":[%d,%d],"strides":null,"typestr":"<f4","version":3}' % (
        rows.ctypes.data,
        *rows.shape,
    )
    shape, dimensions = ctypes.POINTER(ctypes.c_uint64)(), ctypes.c_uint64()
    found = ctypes.POINTER(ctypes.c_float)()
    code = xgboost.core._LIB.XGBoosterPredictFromDense(
        booster.handle,
        interface,
        PREDICT,
        ctypes.c_void_p(),
        ctypes.byref(shape),
        ctypes.byref(dimensions),
        ctypes.byref(found),
    )
    if code:
        raise xgboost.core.XGBoostError(xgboost.core._LIB.XGBGetLastError().decode())
    return np.ctypeslib.as_array(found, (len(rows),)).copy()


def _require_fit(rows: npt.NDArray[np.float32], features: int) -> None:
    if rows.dtype != np.float32 or not rows.flags.c_contiguous or rows.shape[1] != features:
        raise ValueError(f"rows must be float32 in C order with {features} columns")


class SummedPaths:
    """An isolation forest whose leaves are the lengths of the paths to them."""

    def __init__(self, forest: xgboost.Booster, features: int, table: Table) -> None:
        """`table`: the score for the negative of a sum of lengths."""
        self.forest, self._features, self._table = forest, features, table
        self.forest.set_param({"nthread": 1})

    def scores(self, rows: npt.NDArray[np.float32]) -> Floats:
        """Return the anomaly score of each row."""
        return scored_by(self._table, predict(self.forest, rows, self._features))


class XGBoostModel:
    """A loaded classifier; one thread, because starting more takes longer than they save for few rows."""

    def __init__(
        self,
        version: str,
        features: tuple[str, ...],
        threshold: float,
        booster: xgboost.Booster,
        calibration: Table | None = None,
        anomaly: Anomaly | None = None,
        inputs: VariableInputs = NONE,
        scale: InsightScale | None = None,
    ) -> None:
        self.version = version
        self.features = features
        self.threshold = threshold
        self.anomaly = anomaly
        self.inputs = inputs
        self.scale = scale
        self._booster = booster
        self._calibration = calibration
        self._booster.set_param({"nthread": 1})

    def __getstate__(self) -> dict[str, object]:
        """Return what another process needs; what is derived from it is not sent, but made there when it is wanted."""
        derived = ("_few_rows", "_groups", "_contributions")
        return {name: value for name, value in self.__dict__.items() if name not in derived}

    def probabilities(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return the probability of fraud of each row (float32, C order, columns in the order of `features`)."""
        few = self._few_rows if len(rows) <= FEW_ROWS else None
        if few is None:
            return calibrated(predict(self._booster, rows, len(self.features)), self._calibration)
        _require_fit(rows, len(self.features))
        return calibrated(few.probabilities(rows), self._calibration)

    @property
    def scores_few_rows(self) -> bool:
        """Tell whether few rows are scored without a call of XGBoost."""
        return self._few_rows is not None

    def contributions(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return each feature's share of each row's log odds (TreeSHAP), the bias in a last column."""
        return self._contributions.of(rows)

    @cached_property
    def _contributions(self) -> Contributions:
        return Contributions(self._booster, len(self.features), self._groups)

    @cached_property
    def _few_rows(self) -> FewRows | None:
        """What computes few rows, if it gives the bits of XGBoost."""
        few = None if self._groups is None else FewRows.of(self._booster, self._groups)
        if few is None or self._groups is None:
            return None
        rows = np.ascontiguousarray(telling_rows(self._groups, COMPARED_ROWS))
        expected = predict(self._booster, rows, len(self.features))
        return few if np.array_equal(expected, few.probabilities(rows)) else None

    @cached_property
    def _groups(self) -> TreeGroups | None:
        trees = trees_of(self._booster)
        return None if trees is None else TreeGroups.of(trees, len(self.features))

    def thresholds(self) -> dict[str, list[float]] | None:
        """Return the thresholds that each feature is compared with, by the anomaly model beside it, too; None if it has others."""
        boosters = [self._booster, *([self.anomaly.forest] if isinstance(self.anomaly, SummedPaths) else [])]
        found = [thresholds_of(booster, len(self.features)) for booster in boosters]
        if any(each is None for each in found):
            return None
        together = zip(*(each for each in found if each is not None), strict=True)
        return {
            name: sorted({value for values in each for value in values})
            for name, each in zip(self.features, together, strict=True)
        }

    def gains(self) -> dict[str, float]:
        """Return the loss that splits by each feature saved in training; features that no split uses are left out."""
        found = self._booster.get_score(importance_type="total_gain")
        return {name: float(gain) for name, gain in found.items() if isinstance(gain, float)}


class IsolationModel(XGBoostModel):
    """An isolation forest without a classifier, where nothing says which payments were fraud: probability 0, for rules to decide."""

    def probabilities(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return 0 for each row, because nothing is known of fraud."""
        return np.zeros(len(rows), np.float32)

    def contributions(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return by how much each feature shortens a row's paths, which is what makes it unusual."""
        return -super().contributions(rows)
