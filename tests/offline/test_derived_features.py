"""Training has the derived features that decisions have."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import SetupError
from fraudstream.domain.features.derived import Derived
from fraudstream.offline.dataset import Dataset
from fraudstream.world.generate import generate
from fraudstream.world.world import World
from tests.builders import CountingModel

WORLD = World(seed=1, cards=40, days=3, payments=900, start=date(2020, 1, 1))
NAMES = ["per_person", "far", "of_week"]


def test_training_has_the_derived_features_of_decisions(tmp_path: Path) -> None:
    """Computed of days at once and of a single event; a history that lacks a column is refused."""
    shipped = event_type_named("sparkov")
    derived = (
        Derived("per_person", "amount / city_pop / 3"),
        Derived("far", "ABS(lat - merch_lat) + ABS(long - merch_long)"),
        Derived("of_week", "(amt_ratio2 - 1 / far) / num_trans_last_10m"),
    )
    event_type = replace(shipped, derived=derived)
    generate(WORLD, tmp_path, shipped)
    detector = Detector.of(CountingModel(), event_type)
    known = Dataset.of_history(tmp_path, event_type=shipped).frame

    learnt = Dataset.of_history(tmp_path, event_type=event_type).frame

    assert learnt[NAMES].equals(detector.decide(known)[NAMES])
    alone = [detector.decide(known[row : row + 1])[NAMES] for row in range(30)]
    assert learnt[NAMES][:30].equals(pl.concat(alone))
    lacking = replace(event_type, derived=(Derived("far", "km / 2"),))
    with pytest.raises(
        SetupError, match="the history has no column km, from which a derived feature is computed"
    ):
        Dataset.of_history(tmp_path, event_type=lacking)
