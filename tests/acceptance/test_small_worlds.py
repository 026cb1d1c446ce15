"""A model of a world that `train` accepts knows an attack by its second payment, however small the world is."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fraudstream.acceptance import stories
from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.weekly.files import newest_snapshot
from fraudstream.domain.detector import Detector
from fraudstream.domain.tokens import Tokenizer
from fraudstream.offline.activation import FRAUDS_ENOUGH
from fraudstream.offline.aggregate import Job
from fraudstream.offline.train import train
from fraudstream.world import world as worlds
from fraudstream.world.generate import generate
from fraudstream.world.world import World
from tests.models import load_model

WORLD = World(seed=1, cards=1000, days=20, payments=71_000)


def trained(world: World, root: Path) -> dict[str, Any]:
    """Write a world and train on it; return the model's manifest."""
    generate(world, root / "history")
    return train(root / "history", root / "models")


def test_the_story_comes_out_right_in_a_world_of_a_thousand_cards(tmp_path: Path) -> None:
    """It did in one of three: a foreign client's second and third payment went through."""
    manifest = trained(WORLD, tmp_path)
    Job(tmp_path / "history", tmp_path / "weekly", Tokenizer(bytes(32))).run(
        WORLD.start + timedelta(WORLD.days)
    )
    card = event_type_named("card")
    detector = Detector.of(load_model(tmp_path / "models"), card)

    result = stories.tell_many(
        detector, list(newest_snapshot(tmp_path / "weekly").weeks.values()), stories=500, seed=1
    )

    assert manifest["train"]["fraud"] >= FRAUDS_ENOUGH
    assert result.pass_rate >= 0.95


def test_a_model_that_learnt_from_too_few_frauds_is_not_activated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same world at the sample's share of fraud, or somebody's own few payments: the sentence has the numbers."""
    monkeypatch.setattr(worlds, "FRAUDS_MIN", 0)

    manifest = trained(WORLD, tmp_path)

    few = manifest["train"]["fraud"]
    assert few < FRAUDS_ENOUGH
    assert Registry.at(tmp_path / "models", "card").log().active is None
    assert (
        f"it learnt from {few} frauds, and a model that learnt from fewer than {FRAUDS_ENOUGH}"
        in manifest["activation"]["why"]
    )
