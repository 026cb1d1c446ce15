"""What a worker decided under several releases, decided again from the archive: by `explain`, and by a backtest of one release."""

import asyncio
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.batch import measured
from benchmarks.lone_worker import told
from benchmarks.prepared import FRAUDSTREAM
from benchmarks.releases.stage import Stage
from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.models.registry import Registry
from fraudstream.agents.archiving import Archiver
from fraudstream.backtest.candidate import Candidate
from fraudstream.backtest.run import PREDICTED, Backtest
from fraudstream.backtest.source import Source
from fraudstream.domain.features.schema import (
    OUTCOME,
    PROBABILITY,
    RELEASE,
    RULES,
    SCORE,
    TRANSACTION_ID,
)
from fraudstream.explain.detectors import Detectors
from fraudstream.explain.explanation import Explainer

CARD = event_type_named("card")
TESTED = "card-2"
"""The release whose decisions a backtest predicts."""
COMPARED = (OUTCOME.name, SCORE.name, PROBABILITY.name, RULES.name)


def archived(stage: Stage, directory: Path) -> Path:
    """Archive all decisions so far, and return where."""
    told("archiving")
    archiver = Archiver(stage.settings, LocalObjects(directory))
    asyncio.run(archiver.run(asyncio.Event(), once=True))
    return directory


def explained(stage: Stage, archive: Path, number: int) -> dict[str, Any]:
    """Make so many random decisions again; return how many are identical, of how many releases."""
    told(f"explaining {number:,} decisions")
    settings = stage.settings
    detectors = Detectors(Registry.of(settings), stage.operator.store, CARD, settings.fraud_threshold)
    lateness_ms = settings.lateness_horizon_s * 1000
    explainer = Explainer(CARD, Source(archive, CARD), detectors, settings.partitions, lateness_ms)
    found = explainer.many(number, 1, lambda rows: None)
    releases = _decisions(archive)[RELEASE.name].n_unique()
    return {
        "asked": found["asked"],
        "identical": found["identical"],
        "releases": releases,
        "causes": found["causes"],
    }


def disagreements(stage: Stage, archive: Path, out: Path) -> dict[str, int]:
    """Test a release on the archive, and compare what is predicted with what it decided, payment by payment."""
    told(f"predicting what {TESTED} decided")
    settings = stage.settings
    candidate = Candidate.of_release(stage.operator.store, CARD, TESTED)
    out.mkdir()
    tested = (
        CARD,
        Source(archive, CARD),
        candidate,
        None,
        settings.partitions,
        settings.lateness_horizon_s * 1000,
    )
    Backtest(*tested, out=out).run()
    predicted = pl.read_parquet(out / "*.parquet").select(PREDICTED)
    own = _decisions(archive).filter(pl.col(RELEASE.name) == TESTED).unique(TRANSACTION_ID.name)
    both = own.join(predicted, on=TRANSACTION_ID.name, suffix="_predicted")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_predicted")) for name in COMPARED)
    return {"compared": both.height, "disagreements": both.filter(~same).height + own.height - both.height}


def large(data_dir: Path, payments: int) -> dict[str, Any]:
    """Test another threshold on a history of five months; return how many payments in how many seconds."""
    history = data_dir / f"history-{payments}"
    environment = {"FRAUDSTREAM_DATA_DIR": str(data_dir)}
    told(f"a history of {payments:,} payments")
    measured(
        [*FRAUDSTREAM, "generate", "--payments", str(payments), "--directory", str(history)], environment
    )
    told("a backtest of it")
    command = [*FRAUDSTREAM, "backtest", "--threshold", "0.5", "--history", str(history), "--json"]
    found = measured(command, environment)
    return {
        "rows": found.found["compared"],
        "seconds": round(found.seconds, 1),
        "cpu_seconds": round(found.cpu_s, 1),
        "peak_mb": round(found.peak_mb),
    }


def _decisions(archive: Path) -> pl.DataFrame:
    columns = (TRANSACTION_ID.name, RELEASE.name, *COMPARED)
    frames = [pl.read_parquet(path) for path in sorted(archive.glob("date=*/*.parquet"))]
    return pl.concat(
        [frame.select(name for name in columns if name in frame.columns) for frame in frames], how="diagonal"
    )
