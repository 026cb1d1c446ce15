"""The steps of the batch benchmark, each run as a process of its own: `python -m benchmarks.batch_steps STEP DIRECTORY`.

What a step finds out beside its time and memory is the JSON object on its last line. A step imports what it needs itself:
scikit-learn and XGBoost take 1.3 s, and the commands that do not need them do not load them either.
"""

import asyncio
import hashlib
import json
import secrets
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from fraudstream.adapters.weekly.disk import WeeklyDisk
from fraudstream.adapters.weekly.files import WeeklyFiles, frame_of, manifests_in, write_snapshot
from fraudstream.domain.events.amounts import HUNDREDTHS
from fraudstream.domain.features.catalogue import FEATURE_SETS
from fraudstream.domain.times import DAY_MS, midnight_ms
from fraudstream.domain.weekly import Week, WeeklyStore
from fraudstream.domain.weekly_aggregates import WeeklyAggregates, declared
from fraudstream.offline.columns import KINDS
from fraudstream.offline.dataset import Dataset
from fraudstream.offline.engines import Engine, by_duckdb, by_spark
from fraudstream.offline.history import dates_of, files_of
from fraudstream.offline.weekly_sql import WeeklyQuery

if TYPE_CHECKING:
    from fraudstream.offline.train import Split

FEATURES = FEATURE_SETS["card"]
MIDNIGHT_MS = midnight_ms(date(2020, 6, 1))
CARDS_PER_LOOKUP, LOOKUPS = 350, 2_000
"""A large micro-batch's cards, and how often they are asked for."""
CARDS_PER_PART = 100_000


def aggregate(directory: Path, engine: Engine) -> dict[str, Any]:
    """Count and add up every payment of the history, by card; the digest tells whether two engines agree."""
    history = directory / "history"
    days = dates_of(history)
    files = files_of(history, days[0], date.max)
    end_ms = midnight_ms(days[-1]) + DAY_MS
    span = (days[-1] - days[0]).days + 1
    whole = (declared("payments", "count", span), declared("amounts", "sum", span, "amount"))
    query = WeeklyQuery(WeeklyAggregates(whole))
    rows = sorted(engine(files, end_ms, HUNDREDTHS, KINDS, query), key=str)
    digest = hashlib.sha256(repr(rows).encode()).hexdigest()
    return {"cards": len(rows), "payments": sum(row[4] for row in rows), "rows_sha256": digest}


def dataset(directory: Path) -> dict[str, Any]:
    """Compute what was known at each payment."""
    data = Dataset.of_history(directory / "history")
    data.frame.write_parquet(directory / "dataset.parquet", compression="lz4")
    return {"rows": data.frame.height}


def train(directory: Path) -> dict[str, Any]:
    """Train on the first part of the dataset."""
    from fraudstream.offline.training.fitting import fit

    split = _split(directory)
    fit(split.train, FEATURES).save_model(directory / "model.ubj")
    return {"rows": split.train.height}


def test(directory: Path) -> dict[str, Any]:
    """Evaluate on the later part."""
    import xgboost

    from fraudstream.offline.evaluate import evaluate
    from fraudstream.offline.model_input import predicted
    from fraudstream.offline.train import FRAUD_THRESHOLD

    payments = _split(directory).test
    booster = xgboost.Booster(model_file=directory / "model.ubj")
    scores = predicted(payments, FEATURES, booster.inplace_predict)
    figures = evaluate(payments["is_fraud"].to_numpy(), scores, FRAUD_THRESHOLD)
    return {"rows": payments.height, "auc": round(figures["auc"], 4)}


def write_weeks(directory: Path, cards: int) -> dict[str, Any]:
    """Write a snapshot of so many cards."""
    tokens = np.frombuffer(secrets.token_bytes(16 * cards), dtype="V16")
    weeks = pl.DataFrame(
        {
            "card": sorted(token.tobytes().hex() for token in tokens),
            "payments": np.arange(cards) % 50 + 1,
            "mean_amount": np.arange(cards) % 1000 / 7,
        }
    )
    return {"rows": write_snapshot(directory / "weekly", MIDNIGHT_MS, weeks)["rows"]}


def read_weeks(directory: Path) -> dict[str, Any]:
    """Load the snapshot as a worker does, and look cards up."""
    started = time.perf_counter()
    store = WeeklyFiles(directory / "weekly")
    return {"load_seconds": round(time.perf_counter() - started, 1), **_lookups(store, directory)}


def disk_weeks(directory: Path) -> dict[str, Any]:
    """Load the snapshot into the store on disk, and look cards up there."""
    store = WeeklyDisk(directory / "weekly-disk")
    started = time.perf_counter()
    asyncio.run(_fill(store, _weeks(directory)))
    return {"load_seconds": round(time.perf_counter() - started, 1), **_lookups(store, directory)}


async def _fill(store: WeeklyDisk, weeks: pl.DataFrame) -> None:
    await store.create()
    for part in weeks.iter_slices(CARDS_PER_PART):
        rows = [(card, Week(payments, mean)) for card, payments, mean in part.iter_rows()]
        await store.load(MIDNIGHT_MS, rows)
    await store.publish(MIDNIGHT_MS, weeks.height)


def _lookups(store: WeeklyStore, directory: Path) -> dict[str, Any]:
    """Ask for random cards, many at once; return the percentiles of the time an answer takes."""
    cards = _weeks(directory)["card"].sample(CARDS_PER_LOOKUP * LOOKUPS, seed=1, with_replacement=True)

    async def asking() -> list[float]:
        taken_ms = []
        for part in range(LOOKUPS):
            asked = set(cards[part * CARDS_PER_LOOKUP : (part + 1) * CARDS_PER_LOOKUP].to_list())
            started = time.perf_counter()
            answer = await store.get_many(asked, MIDNIGHT_MS)
            taken_ms.append((time.perf_counter() - started) * 1000)
            assert len(answer.rows) == len(asked)
        return taken_ms

    p50, p99 = np.percentile(asyncio.run(asking()), [50, 99]).round(3).tolist()
    return {"cards_per_lookup": CARDS_PER_LOOKUP, "lookup_p50_ms": p50, "lookup_p99_ms": p99}


def _weeks(directory: Path) -> pl.DataFrame:
    return frame_of(directory / "weekly", manifests_in(directory / "weekly")[0])


def _split(directory: Path) -> "Split":
    from fraudstream.offline.train import Split

    frame = pl.read_parquet(directory / "dataset.parquet")
    return Split.of(Dataset(frame, dates_of(directory / "history")))


STEPS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "aggregate-duckdb": lambda directory: aggregate(directory, by_duckdb),
    "aggregate-spark": lambda directory: aggregate(directory, by_spark("local[*]")),
    "dataset": dataset,
    "train": train,
    "evaluate": test,
    "weekly-snapshot": read_weeks,
    "weekly-disk": disk_weeks,
}


if __name__ == "__main__":
    name, place, *cards = sys.argv[1:]
    found = write_weeks(Path(place), int(cards[0])) if name == "weekly-write" else STEPS[name](Path(place))
    print(json.dumps(found))
