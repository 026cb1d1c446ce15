"""What a console costs the worker beside it: the worker's p99, and the processor that the console takes."""

import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.api import on_the_topic
from benchmarks.console.pages import console
from benchmarks.lone_worker import LoneWorker, payment
from benchmarks.traffic import Record
from fraudstream import topics
from fraudstream.adapters.database.engine import opened

TURNS = 3
ALERT_EVERY = 100
WARM_S = 3


class FewAlerts:
    """Payments of now: of cards that pay once, but for every hundredth, whose card has just paid, which is an alert."""

    def __init__(self) -> None:
        self._made = 0

    def next(self, count: int) -> tuple[list[Record], list[str]]:
        """Return so many payments, and their ids."""
        now_ms, numbers = time.time_ns() // 1_000_000, range(self._made, self._made + count)
        self._made += count
        tids = [f"p{number}" for number in numbers]
        cards = [number - 1 if number % ALERT_EVERY == ALERT_EVERY - 1 else number for number in numbers]
        return [payment(card, now_ms, tid) for card, tid in zip(cards, tids, strict=True)], tids


def beside_a_worker(worker: LoneWorker, directory: Path, rate: int, seconds: float) -> dict[str, Any]:
    """Return the worker's p99 with and without a console beside it, in turns, and the console's share of a processor: medians."""
    payments, engine = FewAlerts(), opened(f"sqlite:///{directory / 'beside.db'}")
    taken: dict[str, list[float]] = {"without": [], "with": []}
    shares = []
    with worker.started():
        on_the_topic(worker, *payments.next(rate * WARM_S), rate)
        for turn in range(TURNS):
            taken["without"].append(on_the_topic(worker, *payments.next(round(rate * seconds)), rate)["p99"])
            with console(worker, engine, directory / f"beside-{turn}.log", f"bench-{turn}") as running:
                time.sleep(WARM_S)  # until it has read what came before
                began_s, used_s = time.monotonic(), running.child.cpu_s()
                taken["with"].append(on_the_topic(worker, *payments.next(round(rate * seconds)), rate)["p99"])
                shares.append((running.child.cpu_s() - used_s) / (time.monotonic() - began_s))
    decisions, alerts = (
        sum(worker.cluster.ends(worker.topic(each)).values()) for each in (topics.DECISIONS, topics.ALERTS)
    )
    return {
        "worker_p99_ms": {name: round(median(values), 2) for name, values in taken.items()},
        "console_cpu": round(median(shares), 3),
        "alert_share": round(alerts / decisions, 4),
    }
