"""Several workers of one group on one backlog: what they do per second and per CPU second, and what coordination costs.

Beside teams of 1, 2 and 4 that start together: one worker that a second one joins, which shows how long a rebalance stops
decisions; and one worker on a backlog without keys, most of which goes through `transactions-by-card` first. Two cores
cannot show four workers' speed, but what a payment costs: CPU of all workers, and of the broker.
"""

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import msgspec
import numpy as np

from benchmarks.children import Child, CpuMeter
from benchmarks.cluster import Cluster, Ends
from benchmarks.contestants import Contestant, Run
from benchmarks.plan import FIRST_MARK, JOIN_MARK, LAST_MARK
from benchmarks.throughput import CLOCK_S, Deadline, OnProgress
from fraudstream import topics


@dataclass(frozen=True, slots=True)
class Kind:
    """Workers that are started, and what they work off."""

    name: str
    title: str
    at_once: int
    joining: int = 0
    """Workers that are started when JOIN_MARK of the backlog is done."""
    keyed: bool = True


def kinds(sizes: tuple[int, ...]) -> list[Kind]:
    """Return everything that is measured."""
    teams = [Kind(str(size), f"{size} worker{'s' * (size > 1)}", size) for size in sizes]
    return [
        *teams,
        Kind("joined", "1 worker, joined by another", 1, joining=1),
        Kind("unkeyed", "1 worker, payments without keys", 1, keyed=False),
    ]


@dataclass(frozen=True, slots=True)
class Team:
    """What one run of some workers showed."""

    events: int
    decided: int
    repeated: int
    events_per_s: float
    worker_cpu_us_per_event: float
    broker_cpu_us_per_event: float
    peak_rss_mb: float
    """Of the largest worker."""
    silence_s: float
    """The longest time in which no partition had a decision, between the marks."""
    partition_silence_s: float
    """The longest time in which one partition had none, between its first and its last one."""
    repartitioned: int


class _Id(msgspec.Struct):
    transaction_id: str


def work_together(
    cluster: Cluster, broker_pid: int, contestant: Contestant, run: Run, kind: Kind, on_progress: OnProgress
) -> Team:
    """Start the workers, wait until the backlog is done, and measure."""
    events = run.plan.workers_backlog
    decisions, by_card = run.topic(topics.DECISIONS), run.topic(topics.REPARTITIONED)
    start, repartitioned = cluster.ends(decisions), sum(cluster.ends(by_card).values())
    children: list[Child] = []
    meters: list[CpuMeter] = []
    with ExitStack() as stack:
        broker = stack.enter_context(CpuMeter(broker_pid))

        def add() -> None:
            directory = run.directory / f"worker-{len(children)}"
            directory.mkdir(parents=True)
            children.append(stack.enter_context(contestant.start(replace(run, directory=directory))))
            meters.append(stack.enter_context(CpuMeter(children[-1].process.pid)))

        for _ in range(kind.at_once):
            add()
        clock = Deadline(children, run, events)
        while (done := sum(cluster.ends(decisions).values()) - sum(start.values())) < events:
            on_progress(done / events)
            if done >= events * JOIN_MARK and len(children) < kind.at_once + kind.joining:
                add()
            clock.tick(done)
        on_progress(1.0)
        peak_rss_mb = max(child.peak_rss_mb() for child in children)
        time.sleep(CLOCK_S)
    end = cluster.ends(decisions)
    ids, appended_ms = _read_back(cluster, decisions, start, end)
    cluster.forget(decisions)
    every = np.sort(np.concatenate(list(appended_ms.values())))
    first, last = (round(len(every) * share) for share in (FIRST_MARK, LAST_MARK))
    at_first, at_last = float(every[first - 1]) / 1000, float(every[last - 1]) / 1000
    counted = last - first
    again = sum(cluster.ends(by_card).values()) - repartitioned
    cluster.forget(by_card)  # the next group would find them, too
    return Team(
        events,
        decided=len(ids),
        repeated=len(every) - len(ids),
        events_per_s=counted / max(at_last - at_first, CLOCK_S),
        worker_cpu_us_per_event=sum(meter.used_s(at_first, at_last) for meter in meters) / counted * 1e6,
        broker_cpu_us_per_event=broker.used_s(at_first, at_last) / counted * 1e6,
        peak_rss_mb=peak_rss_mb,
        silence_s=_longest_s(every[first - 1 : last]),
        partition_silence_s=max(_longest_s(np.sort(times)) for times in appended_ms.values()),
        repartitioned=again,
    )


def _longest_s(appended_ms: np.ndarray) -> float:
    """Return the longest time between two neighbours."""
    return float(np.diff(appended_ms).max(initial=0)) / 1000


def _read_back(
    cluster: Cluster, topic: str, start: Ends, end: Ends
) -> tuple[set[str], dict[int, np.ndarray]]:
    """Return the ids of all decisions, and when the broker got them (ms) by partition."""
    decode = msgspec.json.Decoder(_Id).decode
    ids: set[str] = set()
    appended_ms: dict[int, list[int]] = {}
    for messages in cluster.read(topic, start, end):
        for message in messages:
            ids.add(decode(message.value()).transaction_id)
            appended_ms.setdefault(message.partition(), []).append(message.timestamp()[1])
    return ids, {number: np.array(times, dtype=np.int64) for number, times in appended_ms.items()}


def figures(teams: dict[str, list[Team]]) -> dict[str, dict[str, Any]]:
    """Return the medians of all repetitions, and what is derived from them, as `--json` has them."""
    names = [name for name in Team.__slots__ if name not in ("events", "decided")]
    found: dict[str, dict[str, Any]] = {
        kind: {name: round(median(getattr(run, name) for run in runs), 3) for name in names}
        for kind, runs in teams.items()
    }
    for figure in found.values():
        figure["events_per_cpu_s"] = round(1e6 / figure["worker_cpu_us_per_event"])
        figure["events_per_broker_cpu_s"] = round(1e6 / max(figure["broker_cpu_us_per_event"], 1e-9))
    return found


def repartition_cost(teams: dict[str, list[Team]]) -> float | None:
    """Return what repartitioning a payment costs a worker, as a share of deciding it."""
    if "1" not in teams or "unkeyed" not in teams:
        return None
    keyed = median(team.worker_cpu_us_per_event for team in teams["1"])
    unkeyed = median(team.worker_cpu_us_per_event for team in teams["unkeyed"])
    share = median(team.repartitioned / team.events for team in teams["unkeyed"])
    return round((unkeyed / keyed - 1) / share, 3) if share else None
