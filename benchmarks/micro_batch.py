"""`python -m benchmarks.micro_batch`: CPU of a micro-batch in the process, without Kafka, by the number of payments.

From bytes to published JSON: parse, ten minutes, week, features, score, rules, encoding, and the RocksDB write. The model is
trained by XGBoost on made-up rows, as large as the shipped ones. Compare two versions by alternating runs of both.
"""

import argparse
import asyncio
import json
import logging
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.models.boosted import XGBoostModel
from fraudstream.domain.event_columns import FEW_EVENTS
from fraudstream.domain.tokens import partition_of
from fraudstream.process.tuning import calm_garbage_collection
from tests.agents.memory_worker import NOON_S, PARTITIONS, MemoryWorker

SIZES = (1, 10, 64, 100, 512, 4_096)
PAYMENTS = 60_000
CARDS = 10_000
TREES, DEPTH = 100, 5
WARMING, BATCHES_MAX = 5, 600
"""Micro-batches before the measured ones, and at most in all."""


def model_of(features: tuple[str, ...]) -> XGBoostModel:
    """Train on noise."""
    chance = np.random.default_rng(1)
    rows = chance.normal(5, 3, (5_000, len(features)))
    matrix = xgboost.DMatrix(rows, (rows.sum(axis=1) > 5 * len(features)).astype(int))
    parameters = {"objective": "binary:logistic", "max_depth": DEPTH, "seed": 1}
    return XGBoostModel("noise", features, 0.999, xgboost.train(parameters, matrix, TREES))


def payments(count: int) -> list[bytes]:
    """Return payments of random cards of partition 0, a millisecond apart; others would be repartitioned, not decided."""
    chance = random.Random(1)
    numbers = range(4_000_000_000_000_000, 4_000_000_000_000_000 + CARDS)
    cards = [number for number in numbers if partition_of(str(number), PARTITIONS) == 0]
    return [
        json.dumps(
            {
                "tid": f"t{number}",
                "cc_num": chance.choice(cards),
                "amount": round(chance.uniform(1, 100), 2),
                "trans_ts": NOON_S - 100 + number / 1000,
                "merchant": f"shop {number % 100}",
            }
        ).encode()
        for number in range(count)
    ]


async def measured(directory: Path, size: int, few_events: int, sent: list[bytes]) -> float:
    """Return microseconds of CPU a micro-batch of this size."""
    event_type = event_type_named("card")
    model = model_of(event_type.features)
    async with MemoryWorker(
        directory, None, event_type, model, few_events=few_events, batch_rows_max=size
    ) as worker:
        batches = [sent[at : at + size] for at in range(WARMING * size, len(sent), size)]
        await worker.receive(sent[: WARMING * size])
        await worker.settled()
        calm_garbage_collection()  # as a worker does
        started = time.process_time()
        for batch in batches:
            await worker.receive(batch)
            await worker.settled()
        spent_s = time.process_time() - started
        if len(worker.published("decisions")) != len(sent):
            raise RuntimeError("not every payment was decided")
        return spent_s / len(batches) * 1e6


def main() -> None:
    """Measure every size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--payments", type=int, default=PAYMENTS, help="payments of each size, at most")
    parser.add_argument(
        "--few", type=int, default=FEW_EVENTS, help="up to so many payments without Polars [%(default)s]"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    logging.disable(logging.ERROR)
    sent = payments(options.payments)
    taken: dict[str, Any] = {}
    for size in SIZES:
        with tempfile.TemporaryDirectory() as directory:
            measuring = measured(Path(directory), size, options.few, sent[: BATCHES_MAX * size])
            taken[str(size)] = round(asyncio.run(measuring), 1)
        if not options.json:
            print(
                f"{size:>5} payments: {taken[str(size)]:>9,.1f} µs, {taken[str(size)] / size:>7,.1f} µs each"
            )
    if options.json:
        print(json.dumps({"cpu_us": taken}))


if __name__ == "__main__":
    main()
