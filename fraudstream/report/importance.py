"""What a model goes by, three ways, and what in that should make one suspicious."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from fraudstream.offline.ranking import Bools, Floats, Ints, Ranking

ROWS_MAX = 20_000
"""Payments that importance is computed of: all frauds, as far as they fit into half, and legitimate ones by chance."""

ALONE_AUC = 0.99
"""A feature that ranks payments as well as this by itself may know the label."""

ABOVE_THE_REST = 10.0
"""A feature whose gain is this many times the next one's decides almost alone."""

SEEN_OFTEN = 20
"""A value that so many payments have, all of them fraud, may be the label in disguise."""

OVERFIT = 0.1
"""How much lower the average precision may be on later payments than on those learnt from."""

Numbers = npt.NDArray[np.float32]


class Explained(Protocol):
    """What importance needs of a model."""

    def probabilities(self, rows: Numbers) -> npt.NDArray[np.float32]:
        """Return the probability of fraud of each row."""
        ...

    def contributions(self, rows: Numbers) -> npt.NDArray[np.float32]:
        """Return each feature's share of each row's log odds, the bias in a last column."""
        ...

    def gains(self) -> Mapping[str, float]:
        """Return the loss that splits by each feature saved in training."""
        ...


@dataclass(frozen=True, slots=True)
class Warned:
    """Something to look at before the model is trusted."""

    kind: str
    feature: str | None
    sentence: str


def sample(fraud: Bools, rows_max: int = ROWS_MAX, seed: int = 1) -> Ints:
    """Return rows to compute importance of, in order."""
    generator = np.random.default_rng(seed)
    frauds, others = np.flatnonzero(fraud), np.flatnonzero(~fraud)
    frauds = generator.permutation(frauds)[: rows_max // 2]
    others = generator.permutation(others)[: rows_max - len(frauds)]
    return np.sort(np.concatenate([frauds, others])).astype(np.int64)


def importance(model: Explained, names: Sequence[str], rows: Numbers, fraud: Bools) -> list[dict[str, Any]]:
    """Return gain, permutation importance and mean SHAP value of each feature, the most important first.

    Gain: share of the loss saved in training. Permutation: what average precision loses if the feature's values are exchanged
    among the payments. SHAP: mean of the absolute share of a payment's log odds.
    """
    gains = model.gains()
    total = sum(gains.values()) or 1.0
    shap = np.abs(model.contributions(rows)[:, :-1]).mean(axis=0)
    lost = permuted(model.probabilities, rows, fraud)
    found = [
        {
            "name": name,
            "gain": gains.get(name, 0.0) / total,
            "permutation": float(lost[at]),
            "shap": float(shap[at]),
        }
        for at, name in enumerate(names)
    ]
    return sorted(found, key=lambda each: -each["shap"])


def permuted(
    predict: Callable[[Numbers], npt.NDArray[np.float32]], rows: Numbers, fraud: Bools, seed: int = 1
) -> Floats:
    """Return by how much average precision falls with each column's values exchanged."""
    generator = np.random.default_rng(seed)
    whole = _average_precision(fraud, predict(rows))
    lost = np.zeros(rows.shape[1])
    for column in range(rows.shape[1]):
        exchanged = rows.copy()
        exchanged[:, column] = generator.permutation(exchanged[:, column])
        lost[column] = whole - _average_precision(fraud, predict(exchanged))
    return lost


def _average_precision(fraud: Bools, scores: npt.NDArray[np.float32]) -> float:
    return Ranking.of(fraud, scores.astype(np.float64)).curve().average_precision()


def warnings(
    names: Sequence[str],
    rows: Numbers,
    fraud: Bools,
    found: Sequence[Mapping[str, Any]],
    learnt: float | None,
    tested: float,
) -> list[dict[str, Any]]:
    """Return what is suspicious; `learnt`, `tested`: average precision on payments learnt from (None: unknown) and later ones."""
    said = [warned for at, name in enumerate(names) for warned in _leaks(name, rows[:, at], fraud)]
    by_gain = sorted(found, key=lambda each: -each["gain"])
    if len(by_gain) > 1 and by_gain[0]["gain"] > ABOVE_THE_REST * by_gain[1]["gain"]:
        first = by_gain[0]
        said.append(
            Warned(
                "above the rest",
                first["name"],
                f"{first['name']} has {first['gain']:.0%} of the gain, more than {ABOVE_THE_REST:g} times that of any other "
                "feature: is it known before the decision?",
            )
        )
    if learnt is not None and learnt - tested > OVERFIT:
        said.append(
            Warned(
                "over-fit",
                None,
                f"average precision is {learnt:.3f} on the payments it learnt from and {tested:.3f} on later ones: it has "
                "learnt some of them by heart, or fraud has changed",
            )
        )
    return [asdict(warned) for warned in said]


def _leaks(name: str, values: Numbers, fraud: Bools) -> list[Warned]:
    """Return warnings about a feature that may know the label."""
    said = []
    known = ~np.isnan(values)
    if fraud[known].any() and not fraud[known].all():
        auc = Ranking.of(fraud[known], values[known].astype(np.float64)).curve().auc()
        if max(auc, 1 - auc) >= ALONE_AUC:
            said.append(
                Warned(
                    "predicts the label alone",
                    name,
                    f"{name} alone ranks payments with an AUC of {max(auc, 1 - auc):.3f}: is it known before the decision?",
                )
            )
    distinct, of = np.unique(values, return_inverse=True, equal_nan=True)
    counts, frauds = np.bincount(of), np.bincount(of, fraud)
    legitimate = values[~fraud & known]
    within = np.isnan(distinct)
    if len(legitimate):  # ten payments in a minute are fraud by their number, and no leak
        within |= (distinct > legitimate.min()) & (distinct < legitimate.max())
    only = np.flatnonzero(within & (counts >= SEEN_OFTEN) & (frauds == counts))
    if len(only):
        value = distinct[only[0]]
        shown = "a missing value" if np.isnan(value) else f"the value {value:g}"
        more = f" (and {len(only) - 1} more values)" if len(only) > 1 else ""
        said.append(
            Warned(
                "seen only with fraud",
                name,
                f"{name}: {shown}{more} is seen {int(counts[only[0]]):,} times, only with fraud",
            )
        )
    return said
