"""How good a model is in a world that did not make it: ours and the Handbook's, each judging what was learnt in the other."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.models.boosted import XGBoostModel
from fraudstream.adapters.models.files import load_model
from fraudstream.adapters.models.registry import Registry
from fraudstream.offline.dataset import Dataset
from fraudstream.offline.evaluate import recall_by_scenario
from fraudstream.offline.model_input import predicted
from fraudstream.offline.ranking import FIGURES, Ranking
from fraudstream.offline.train import Split

Run = Callable[..., Any]
"""Runs one of our commands: event type, data directory, arguments."""


@dataclass(frozen=True, slots=True)
class Sized:
    """A world with the options that make its history."""

    name: str
    options: tuple[str, ...]


def second_world(worlds: tuple[Sized, ...], data: Path, run: Run) -> dict[str, Any]:
    """Return the figures of each world's model on the later payments of every world: `card_on_handbook` and so on."""
    models = {}
    for world in worlds:
        place = data / world.name
        run("card", place, "generate", "--world", world.name, *world.options)
        run("card", place, "train", "--activate", "always", "--json")
        registry = Registry.at(place / "models", "card")
        models[world.name] = load_model(registry, str(registry.resolve()))
    found = {}
    for world in worlds:
        later = Split.of(
            Dataset.of_history(data / world.name / "history", event_type=event_type_named("card"))
        ).test
        for learnt_in, model in models.items():
            found[f"{learnt_in}_on_{world.name}"] = judged(model, later)
    return found


def judged(model: XGBoostModel, payments: pl.DataFrame) -> dict[str, Any]:
    """Return a model's figures on payments, and how many alerts it raises and frauds it finds at its own threshold."""
    scores = predicted(payments, model.features, model.probabilities).astype(np.float64)
    fraud = payments["is_fraud"].to_numpy().astype(bool)
    curve = Ranking.of(fraud, scores).curve()
    alerts = scores > model.threshold
    by_scenario = recall_by_scenario(fraud, scores, model.threshold, payments["scenario"].to_numpy())
    return {
        **{name: round(figure(curve), 4) for name, figure in FIGURES.items()},
        "alerts_per_1000": round(1000 * float(alerts.mean()), 2),
        "precision": round(float(fraud[alerts].mean()) if alerts.any() else 0.0, 4),
        "recall": round(float(alerts[fraud].mean()), 4),
        "recall_by_scenario": {name: round(recall, 4) for name, recall in by_scenario.items()},
        "frauds_tested": int(fraud.sum()),
    }
