"""An archive of many payments to search, with the columns, the types and about the bytes a row of a real one."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.archive.lake import Lake, LakeFile, Stream
from fraudstream.domain.features.catalogue import CARD_SET, FEATURES
from fraudstream.domain.times import DAY_MS

DAYS, PARTITIONS = 30, 4
FIRST_DAY_MS = 1_577_836_800_000
"""2020-01-01."""
CARDS, MERCHANTS = 200_000, 20_000
ALERTS = 0.005
RARE = 0.000_001
"""Share of the payments with the variable `voucher`."""
Rng = np.random.Generator


async def write_archive(directory: Path, payments: int) -> None:
    """Write so many payments, evenly over days and partitions, as a compacted archive has them."""
    lake, each = Lake(LocalObjects(directory)), payments // (DAYS * PARTITIONS)
    for stream, day, rows in _frames(each):
        (file,) = await lake.write(stream, rows, {})
        assert file == LakeFile(day, stream, rows["decision_offset"][0], rows["decision_offset"][-1])


def _frames(each: int) -> Iterator[tuple[Stream, date, pl.DataFrame]]:
    rng = np.random.default_rng(17)
    tokens = np.array([rng.bytes(16).hex() for _ in range(CARDS)])
    merchants = np.array([f"Shop {number:05d}" for number in range(MERCHANTS)])
    for day in range(DAYS):
        start_ms = FIRST_DAY_MS + day * DAY_MS
        for partition in range(PARTITIONS):
            times = np.sort(rng.integers(start_ms, start_ms + DAY_MS, each))
            rows = _rows(rng, times, tokens, merchants, partition, day * each)
            yield Stream("decisions", partition), date.fromordinal(_ordinal(start_ms)), rows


def _ordinal(at_ms: int) -> int:
    return date(1970, 1, 1).toordinal() + at_ms // DAY_MS


def _rows(
    rng: Rng, times: np.ndarray, tokens: np.ndarray, merchants: np.ndarray, partition: int, first: int
) -> pl.DataFrame:
    count = len(times)
    cards, alert = rng.integers(0, CARDS, count), rng.random(count) < ALERTS
    probability = np.where(alert, rng.uniform(0.3, 1, count), rng.beta(1, 40, count))
    outcome = np.where(probability > 0.8, "block", np.where(alert, "review", "approve"))
    offsets = np.arange(first, first + count)
    ids = [f"{value:032x}" for value in _wide(rng, count)]
    said = ["amount 3.2 times the week's average ($48.12)"]
    features = {
        name: np.round(rng.gamma(2, 1, count), 6)
        for name, feature in FEATURES.items()
        if CARD_SET in feature.sets and name != "amount"
    }
    return pl.DataFrame(
        {
            "transaction_id": ids,
            "card": tokens[cards],
            "card_last4": [f"{card % 10_000:04d}" for card in cards],
            "event_time": times,
            "amount": np.round(rng.gamma(1.5, 40, count), 2),
            "probability": probability,
            "score": np.round(probability * 1000).astype(np.int32),
            "anomaly_score": rng.random(count),
            "outcome": outcome,
            "fraud": alert,
            "rules": [["likely-fraud"] if each else [] for each in alert],
            "reasons": [said if each else [] for each in alert],
            "model_version": ["20200101-1"] * count,
            "ruleset_version": ["5c1d0f6a2b3e"] * count,
            "weekly_as_of": [int(times[0]) // DAY_MS * DAY_MS] * count,
            "degraded": [list[str]()] * count,
            "decided_at": times + 9,
            "merchant": merchants[rng.zipf(1.3, count) % MERCHANTS],
            "zip_code": [f"{code:05d}" for code in rng.integers(10_000, 99_999, count)],
            "voucher": ["spring" if each else None for each in rng.random(count) < RARE],
            **features,
            "source_topic": ["transactions"] * count,
            "source_partition": np.full(count, partition, np.int32),
            "source_offset": offsets,
            "release": ["card-7"] * count,
            "decision_offset": offsets,
        },
        schema_overrides={
            "rules": pl.List(pl.String),
            "reasons": pl.List(pl.String),
            "degraded": pl.List(pl.String),
            "voucher": pl.String,
        },
    )


def _wide(rng: Rng, count: int) -> Iterator[int]:
    for high, low in rng.integers(0, 2**63, (count, 2)).tolist():
        yield high << 64 | low
