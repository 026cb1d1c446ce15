"""Latency from produce to decision: a started worker under open-loop loads, one after the other."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.children import BenchmarkFailed, CpuMeter
from benchmarks.contestants import Contestant, Run
from benchmarks.plan import Rate
from fraudstream import topics

SLACK_S = 60.0
OnLoad = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles in ms of one load, and what says whether to believe them."""

    rate: int
    measured: int
    missing: int
    p50: float
    p99: float
    p999: float
    max: float
    sent_late_ms_p99: float
    cpu_share: float
    """Of one core, by the worker's process, over the whole load."""
    without_week: int = 0
    """Decisions that had to do without the card's week."""
    lookup_p99: float = float("nan")
    """Milliseconds that the micro-batch of a payment looked weeks up; not everybody's decisions tell."""


def latencies(contestant: Contestant, run: Run, rates: Sequence[Rate], on_load: OnLoad) -> list[Latency]:
    """Start a contestant on empty topics and measure it at each rate; loads follow each other in event time."""
    run.directory.mkdir(parents=True)
    measured = []
    with contestant.start(run) as child, CpuMeter(child.process.pid) as meter:
        on_load(f"{contestant.name} wakes up")
        answered(run, run.plan.wake_up, 0)
        skip = run.plan.wake_up.payments
        if warm_up := run.plan.warm_up.get(contestant.name):
            on_load(f"{contestant.name} warms up")
            answered(run, warm_up, skip)
            skip += warm_up.payments
        for rate in rates:
            on_load(f"{contestant.name} at {rate.per_s:,}/s")
            started = time.time()
            summary = answered(run, rate, skip)
            child.check()
            used = meter.used_s(started, time.time()) / (rate.warmup_s + rate.measured_s)
            summary.pop("payments")
            measured.append(Latency(rate=rate.per_s, cpu_share=used, **summary))
            skip += rate.payments
    return measured


def answered(run: Run, rate: Rate, skip: int) -> dict[str, Any]:
    """Run the load generator, a process of its own, on the payments after the first `skip`; return its summary."""
    arguments = {
        "bootstrap": run.bootstrap,
        "transactions": run.topic(topics.TRANSACTIONS),
        "decisions": run.topic(topics.DECISIONS),
        "partitions": run.plan.partitions,
        "history": run.prepared.settings.history_dir,
        "first-day": run.prepared.first_day,
        "days": run.prepared.days,
        "skip": skip,
        "rate": rate.per_s,
        "warmup-s": rate.warmup_s,
        "measured-s": rate.measured_s,
    }
    options = [text for name, value in arguments.items() for text in (f"--{name}", str(value))]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=rate.warmup_s + rate.measured_s + SLACK_S,
    )
    if done.returncode != 0:
        raise BenchmarkFailed(f"the load generator failed: {done.stderr.strip()[-500:]}")
    summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return summary
