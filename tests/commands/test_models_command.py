"""`fraudstream models`: what people see of versions and do with them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from click.testing import CliRunner, Result

from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.models.training import training
from fraudstream.commands.models import models
from fraudstream.domain.errors import SetupError
from fraudstream.domain.registry.insight import InsightScale
from fraudstream.domain.registry.versions import Version

Run = Callable[..., Result]
FEATURES = ["amount", "seconds_since_previous"]


@pytest.fixture(scope="module")
def ubj() -> bytes:
    """Return a small real model."""
    rows = np.random.default_rng(1).uniform(0, 20, (500, 2)).astype(np.float32)
    booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(rows, rows[:, 1] < 10), 3)
    return bytes(booster.save_raw("ubj"))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs `fraudstream models` in a directory of this test."""
    monkeypatch.setenv("FRAUDSTREAM_DATA_DIR", str(tmp_path))
    return lambda *words: CliRunner().invoke(models, list(words), catch_exceptions=False)


@pytest.fixture
def registry(tmp_path: Path, ubj: bytes) -> Registry:
    """Return a registry with 1.0, 1.1 and 2.0."""
    registry = Registry.at(
        tmp_path / "models",
        "card",
    )
    for major, auc in ((None, 0.9), (1, 0.95), (None, 0.8)):
        made_in(registry, ubj, major, metrics={"auc": auc})
    return registry


def made_in(registry: Registry, ubj: bytes, major: int | None = None, **fields: Any) -> Version:
    """Save one more version; return its number."""
    with training(registry, major) as made:
        made.save({"features": FEATURES, "threshold": 0.5} | fields, {"model.ubj": ubj})
    return made.version


def test_versions_are_listed_with_their_states(run: Run, registry: Registry) -> None:
    """In the order of their numbers; for scripts as JSON."""
    run("activate", "1.1", "--why", "the best")

    listed = json.loads(run("list", "--json").stdout)

    assert [("1.0", "READY"), ("1.1", "ACTIVE"), ("2.0", "READY")] == [
        (each["version"], each["state"]) for each in listed
    ]
    assert "the best" == listed[1]["why"]
    assert ["1.0", "1.1", "2.0"] == [line.split()[0] for line in run("list").stdout.splitlines()]


def test_without_versions_the_list_says_what_to_run(run: Run) -> None:
    """An empty list is no error."""
    said = run("list")

    assert 0 == said.exit_code
    assert "no models of event type card yet; train one with: fraudstream train" in said.stdout
    assert [] == json.loads(run("list", "--json").stdout)


def test_a_version_is_shown_with_what_happened_to_it(run: Run, registry: Registry) -> None:
    """Features, figures, files with their checksums; who did what and why."""
    run("activate", "1.1", "--why", "the best")

    said, shown = run("show").stdout, json.loads(run("show", "1.1", "--json").stdout)

    assert "card 1.1: ACTIVE" in said
    assert f"SHA-256 {shown['files']['model.ubj']['sha256']}" in said
    assert f"by {registry.by}: the best" in said
    assert ["begin", "save", "activate"] == [each["action"] for each in shown["history_of_version"]]


def test_the_insight_scale_is_shown_in_words(run: Run, registry: Registry, ubj: bytes) -> None:
    """Of a hundred legitimate events with probabilities 0.00 to 0.99, two have 0.98 or more."""
    chances = np.arange(100) / 100
    scale = InsightScale.measured(np.zeros(100), chances)
    made_in(registry, ubj, insight_scale=scale.described())

    assert "900 from probability 0.9700: at most 2.0% of legitimate events" in run("show", "3.0").stdout


def test_figures_are_compared_side_by_side(run: Run, registry: Registry) -> None:
    """One column a version."""
    assert {"1.0": {"auc": 0.9}, "2.0": {"auc": 0.8}} == json.loads(
        run("compare", "1.0", "2.0", "--json").stdout
    )
    assert ["auc", "0.9000", "0.9500", "0.8000"] == run("compare", "1.0", "1.1", "2.0").stdout.splitlines()[
        1
    ].split()


def test_a_version_is_activated_rolled_back_retired_and_deleted(run: Run, registry: Registry) -> None:
    """The active one cannot be deleted; every answer is JSON if wanted."""
    run("activate", "1.0")

    activated = json.loads(run("activate", "2.0", "--json").stdout)
    with pytest.raises(SetupError, match="activate another version first"):
        run("delete", "2.0", "--yes")
    back = json.loads(run("rollback", "--json").stdout)
    retired = json.loads(run("retire", "2.0", "--json").stdout)
    with pytest.raises(SetupError, match="it is RETIRED"):
        run("activate", "2.0")
    deleted = json.loads(run("delete", "2.0", "--yes", "--json").stdout)

    assert {"active": "2.0", "previous": "1.0"} == activated
    assert {"active": "1.0", "previous": None} == back
    assert ("RETIRED", "DELETED") == (retired["state"], deleted["state"])
    assert [] == registry.store.names("card/2.0/")


def test_deleting_is_asked_for(run: Run, registry: Registry) -> None:
    """Nobody answers, so nothing is deleted."""
    assert 1 == run("delete", "1.0").exit_code

    assert Version(1, 0) == registry.resolve("1.0")


def test_a_model_that_cannot_decide_is_not_activated(run: Run, registry: Registry, ubj: bytes) -> None:
    """It would end the next start of every worker."""
    broken = made_in(registry, b"not a model")
    strange = made_in(registry, ubj, features=["amount", "phase_of_the_moon"])

    with pytest.raises(SetupError, match="cannot be read by XGBoost"):
        run("activate", str(broken))
    with pytest.raises(SetupError, match="phase_of_the_moon"):
        run("activate", str(strange))
    assert registry.log().active is None
