"""What a model's features and scores were like in training, for its manifest: what drift is measured against."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.distribution import Distribution, edges_of
from fraudstream.domain.features.schema import PROBABILITY
from fraudstream.offline.model_input import model_inputs

SAMPLED = 1 << 18
"""Payments from which the edges of bins are taken; all are counted."""


def ranges_of(payments: pl.DataFrame, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the distribution of each feature over the payments that a model learnt from."""
    sample = payments.gather_every(-(-max(payments.height, 1) // SAMPLED))
    first = np.concatenate([numbers for _, numbers in model_inputs(sample, names)])
    edges = [edges_of(first[:, place]) for place in range(len(names))]
    found: list[Distribution] = []
    for _, numbers in model_inputs(payments, names):
        part = [Distribution.by(own, numbers[:, place]) for place, own in enumerate(edges)]
        found = [one + more for one, more in zip(found, part, strict=True)] if found else part
    return {name: each.described() for name, each in zip(names, found, strict=True)}


def score_range(probabilities: npt.NDArray[Any]) -> dict[str, Any]:
    """Return the distribution of a model's probabilities on payments that it has not learnt from."""
    return Distribution.of(probabilities.astype(np.float32)).described()


def ranges_in(manifest: Mapping[str, Any]) -> dict[str, Distribution]:
    """Return the distributions of a manifest by feature, and the probability's; none if it was made before they were kept."""
    said = dict(manifest.get("ranges", {}))
    if "score_range" in manifest:
        said[PROBABILITY.name] = manifest["score_range"]
    return {name: Distribution.of_description(each) for name, each in said.items()}
