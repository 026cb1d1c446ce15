"""Explanations: archived decisions made again, to the last bit, and the changes that flip them."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import xgboost

from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.releases.store import Releases
from fraudstream.backtest.source import Source
from fraudstream.domain.detector import Detector
from fraudstream.domain.features.catalogue import FEATURE_SETS
from fraudstream.domain.weekly import WeeklyStore
from fraudstream.explain.detectors import Detectors
from fraudstream.explain.explanation import Explainer
from tests.agents.memory_worker import ALLOWED_LATENESS_MS, PARTITIONS
from tests.backtest.archives import CARD, changed, filled, stream_of
from tests.fakes import MemoryWeekly
from tests.models import load_model, saved

FEATURES = FEATURE_SETS["card"]


def trained(directory: Path, seed: int = 1) -> Path:
    """Save a model that calls about half of all payments fraud, and return where."""
    chance = np.random.default_rng(seed)
    rows = np.abs(chance.normal(size=(2000, len(FEATURES)))) * np.array([5000, 2, 2, 0.5, 300, 2, 4, 1])
    fraud = (rows[:, 0] / 5000 + rows[:, 1] + chance.normal(size=2000) / 5 > 2).astype(int)
    data = xgboost.DMatrix(rows.astype(np.float32), fraud, feature_names=list(FEATURES))
    booster = xgboost.train({"max_depth": 4, "objective": "binary:logistic", "nthread": 1}, data, 20)
    saved(directory, bytes(booster.save_raw("ubj")), features=list(FEATURES))
    return directory


async def explainer(
    directory: Path, payments: int = 600, weekly: WeeklyStore | None = None
) -> tuple[Explainer, Path]:
    """Return what explains the decisions of an archive, and the archive."""
    models = trained(directory / "models")
    archive = await filled(directory / "data", stream_of(payments), model=load_model(models), weekly=weekly)
    detectors = Detectors(Registry.at(models, "card"), Releases.at(models, "card"), CARD)
    return Explainer(CARD, Source(archive, CARD), detectors, PARTITIONS, ALLOWED_LATENESS_MS), archive


def all_of(archive: Path) -> pl.DataFrame:
    """Return every row of an archive."""
    return pl.concat(
        [pl.read_parquet(path) for path in sorted(archive.glob("date=*/*.parquet"))], how="diagonal"
    )


async def test_every_decision_is_made_again_identically(tmp_path: Path) -> None:
    """Ties, disorder, late, repeated payments and refunds; window, week, features, score, rules and reasons."""
    explains, archive = await explainer(tmp_path)
    summary = explains.many(10_000, 1, lambda rows: None)

    assert all_of(archive).height == summary["asked"] == summary["identical"] > 500
    assert {} == summary["causes"]


@pytest.mark.parametrize("nights", [(), (2, 5)])
async def test_decisions_without_their_week_are_identical(tmp_path: Path, nights: tuple[int, ...]) -> None:
    """The store was empty, or has two nights only: weeks were missing, or a night old."""
    midnights = sorted({time // 86_400_000 * 86_400_000 for time in stream_of(300)["event_time"]})
    store = MemoryWeekly({midnights[night]: {} for night in nights})
    explains, archive = await explainer(tmp_path, 300, store)
    lacking = all_of(archive)["degraded"].list.eval(pl.element().str.starts_with("weekly-")).list.any()
    alone = all_of(archive).filter(lacking)["transaction_id"]
    summary = explains.many(10_000, 1, lambda rows: None)

    assert 100 < lacking.sum()
    assert not {each["transaction_id"] for each in summary["examples"]} & set(alone)


async def test_one_decision_is_explained(tmp_path: Path) -> None:
    """With what was decided, how much was compared, and what was known."""
    explains, archive = await explainer(tmp_path)
    row = all_of(archive).filter(pl.col("outcome") != "approve").row(7, named=True)
    found = explains.one(row["transaction_id"], row["event_time"], row["card"])

    assert all(each["identical"] for each in found)
    assert row["reasons"] == found[0]["decision"]["reasons"]
    assert row["amt_ratio1"] == found[0]["known"]["amt_ratio1"]
    assert {"num_trans_last_10m", "probability", "rules", "reasons"} <= set(found[0]["compared"])


async def test_late_payments_are_explained_from_their_card_alone(tmp_path: Path) -> None:
    """How late they were follows from payments of other cards, which are not read for their windows."""
    explains, archive = await explainer(tmp_path, 2000)
    late = all_of(archive).filter(pl.col("degraded").list.contains("late"))

    assert 3 < late.height
    for row in late.iter_rows(named=True):
        found = explains.one(row["transaction_id"], row["event_time"], row["card"])
        assert all(each["identical"] for each in found), found


async def test_what_differs_is_named(tmp_path: Path) -> None:
    """An archive that says another score; and one in which payments of the window are missing."""
    explains, archive = await explainer(tmp_path)
    once = all_of(archive).filter(pl.col("transaction_id").is_unique())
    row = once.filter(pl.col("num_trans_last_10m") == 3).row(0, named=True)
    this = pl.col("transaction_id") == row["transaction_id"]
    changed(
        archive,
        lambda rows: rows.with_columns(
            pl.when(this).then(1).otherwise("score").cast(pl.Int32).alias("score")
        ),
    )
    (found,) = explains.one(row["transaction_id"], row["event_time"], row["card"])

    assert [{"name": "score", "then": 1, "now": row["score"]}] == found["differences"]
    assert found["why"] is None

    changed(archive, lambda rows: rows.filter(this | (pl.col("card") != row["card"])))
    (found,) = explains.one(row["transaction_id"], row["event_time"], row["card"])

    assert {"name": "num_trans_last_10m", "then": 3, "now": 1} in found["differences"]
    assert "payments are missing in the archive" in found["why"]


async def test_a_model_that_is_gone_is_said(tmp_path: Path) -> None:
    """Such decisions are not identical, and the reason is the version."""
    explains, archive = await explainer(tmp_path, 100)
    changed(archive, lambda rows: rows.with_columns(model_version=pl.lit("card-9.9")))
    row = all_of(archive).row(0, named=True)
    (found,) = explains.one(row["transaction_id"], row["event_time"], row["card"])

    assert not found["identical"]
    assert found["why"].startswith("model card-9.9 is not among the versions in")
    summary = explains.many(50, 1, lambda rows: None)
    assert (50, 0, {"detector-lost": 50}) == (summary["asked"], summary["identical"], summary["causes"])


async def test_the_smallest_change_flips_and_no_smaller_one_does(tmp_path: Path) -> None:
    """Compared with two thousand values between the present one and the found one, and as far on the other side."""
    explains, archive = await explainer(tmp_path)
    model = load_model(tmp_path / "models")
    detector = Detector.of(model, CARD)
    chance = np.random.default_rng(3)
    flipped = 0
    for row in all_of(archive).sample(12, seed=2).iter_rows(named=True):
        (found, *_) = explains.one(row["transaction_id"], row["event_time"], row["card"])
        values = [row["amount"] if name == "amount" else row[name] for name in FEATURES]
        for flip in found["would_change"]:
            place = FEATURES.index(flip["feature"])
            reach = abs(flip["to"] - flip["value"])
            tried = flip["value"] + np.append(chance.uniform(-reach, reach, 2000), flip["to"] - flip["value"])
            if flip["feature"].startswith("num_"):
                tried = np.trunc(tried)
            rows = np.tile(np.array(values, np.float32), (len(tried), 1))
            rows[:, place] = tried
            rows[-1, place] = flip["to"]
            probability = model.probabilities(rows).astype(np.float64)
            outcome = np.where(
                probability > 0.8,
                "block",
                np.where(probability > detector.fraud_threshold, "review", "approve"),
            )
            nearer = np.abs(rows[:-1, place].astype(np.float64) - flip["value"]) < reach * (1 - 1e-6)
            assert flip["outcome"] == outcome[-1] != row["outcome"]
            assert {row["outcome"]} >= set(outcome[:-1][nearer])
            flipped += 1

    assert 10 < flipped
