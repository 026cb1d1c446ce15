"""Throughput on a backlog: every contestant works off the same preloaded payments, measured between fixed points."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np

from benchmarks.children import BenchmarkFailed, Child, CpuMeter
from benchmarks.cluster import Cluster
from benchmarks.contestants import Contestant, Run
from benchmarks.plan import FIRST_MARK, LAST_MARK, WARM_MARK
from fraudstream import topics

POLL_INTERVAL_S = 0.2

CLOCK_S = 0.001
"""The broker's clock counts milliseconds: less time cannot pass between two marks."""

WITHOUT_WEEK = "weekly-"
"""What `degraded` says of a decision without the card's week begins with this."""

OnProgress = Callable[[float], None]
"""Told which share of the backlog is done."""


class Features(msgspec.Struct):
    """What is compared of a decision's features."""

    num_trans_last_10m: int


class Decision(msgspec.Struct):
    """What is compared of a decision."""

    transaction_id: str
    outcome: str
    features: Features
    degraded: list[str] = []


class Answer(NamedTuple):
    """What is compared of two decisions on the same payment."""

    recent: int
    """num_trans_last_10m."""
    outcome: str
    without_week: bool = False
    """It was decided without the card's week, so that the outcome may be another one."""

    def agrees(self, other: "Answer") -> bool:
        """Tell whether both say the same."""
        comparable = not (self.without_week or other.without_week)
        return self.recent == other.recent and (self.outcome == other.outcome or not comparable)


class Pace(NamedTuple):
    """How fast a contestant was between two moments, and what that cost."""

    events_per_s: float
    cpu_us_per_event: float


class Cold(NamedTuple):
    """What it took from the command to the first mark: start-up, and a tenth of the backlog by a process that is not warm."""

    seconds: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Race:
    """What one start of one contestant showed."""

    events: int
    events_per_s: float
    cpu_us_per_event: float
    peak_rss_mb: float
    answers: dict[str, Answer] = field(default_factory=dict, repr=False)
    """By transaction id, of contestants that decide."""
    repeated: int = 0
    dead_letters: int = 0
    warm: Pace | None = None
    """Between WARM_MARK and LAST_MARK, of contestants that decide."""
    cold: Cold | None = None
    """Of contestants that decide."""


def race(cluster: Cluster, contestant: Contestant, run: Run, on_progress: OnProgress) -> Race:
    """Start a contestant on the backlog, wait until it is done, and measure."""
    run.directory.mkdir(parents=True)
    return (_decide if contestant.decides else _read)(cluster, contestant, run, on_progress)


def _decide(cluster: Cluster, contestant: Contestant, run: Run, on_progress: OnProgress) -> Race:
    """Race a contestant that publishes decisions: the broker's clock on them says how fast it was."""
    events = run.plan.backlog[contestant.name]
    decisions, dead_letters = run.topic(topics.DECISIONS), run.topic(topics.DEAD_LETTERS)
    start, dead_start = cluster.ends(decisions), cluster.ends(dead_letters)
    began = time.time()
    with contestant.start(run) as child, CpuMeter(child.process.pid) as meter:
        clock = Deadline([child], run, events)
        while True:
            end = cluster.ends(decisions)
            done = sum(end.values()) - sum(start.values())
            on_progress(min(1.0, done / events))
            if done >= events:
                break
            clock.tick(done)
        peak_rss_mb = child.peak_rss_mb()
    end = cluster.ends(decisions)  # what came while it stopped belongs to it, too
    answers, appended_ms, repeated = _read_back(cluster, decisions, start, end)
    dead = sum(cluster.ends(dead_letters).values()) - sum(dead_start.values())
    cluster.forget(decisions)
    appended_ms.sort()
    places = [round(events * share) for share in (FIRST_MARK, WARM_MARK, LAST_MARK)]
    at_first, at_warm, at_last = (float(appended_ms[place - 1]) / 1000 for place in places)
    first, warm, last = places
    return Race(
        events,
        *_pace(meter, last - first, at_first, at_last),
        peak_rss_mb,
        answers,
        repeated,
        dead,
        _pace(meter, last - warm, at_warm, at_last),
        Cold(at_first - began, meter.used_s(began, at_first)),
    )


def _pace(meter: CpuMeter, count: int, start: float, end: float) -> Pace:
    return Pace(count / max(end - start, CLOCK_S), meter.used_s(start, end) / count * 1e6)


def _read(cluster: Cluster, contestant: Contestant, run: Run, on_progress: OnProgress) -> Race:
    """Race a contestant that only reads: it prints when it has passed the marks."""
    events = run.plan.backlog[contestant.name] * (run.plan.floor_passes if contestant.name == "floor" else 1)
    peak_rss_mb = 0.0
    with contestant.start(run) as child, CpuMeter(child.process.pid) as meter:
        clock = Deadline([child], run, events)
        while not (marks := child.marks()) or marks[-1][0] < events:
            on_progress(marks[-1][0] / events if marks else 0.0)
            clock.tick(len(marks))
            peak_rss_mb = child.peak_rss_mb()
    on_progress(1.0)
    first, last = (
        next(mark for mark in marks if mark[0] >= events * share) for share in (FIRST_MARK, LAST_MARK)
    )
    return Race(marks[-1][0], *_pace(meter, last[0] - first[0], first[1], last[1]), peak_rss_mb)


class Deadline:
    """Waits between two looks, and gives up if a process ends or nothing was done for too long."""

    def __init__(self, children: Sequence[Child], run: Run, events: int) -> None:
        self._children = children
        self._start_s = run.plan.timeouts_s["start"]
        self._stall_s = run.plan.timeouts_s["stall"]
        self._events = events
        self._done = 0
        self._moved = time.monotonic()

    def tick(self, done: int) -> None:
        """Wait; raises BenchmarkFailed if one has ended or nothing was done for too long."""
        for child in self._children:
            child.check()
        now = time.monotonic()
        if done > self._done:
            self._done, self._moved = done, now
        elif now - self._moved > (self._stall_s if self._done else self._start_s):
            raise BenchmarkFailed(
                f"{self._children[0].name} made no progress after {done} of {self._events} (log: {self._children[0].log})"
            )
        time.sleep(POLL_INTERVAL_S)


def _read_back(
    cluster: Cluster, topic: str, start: dict[int, int], end: dict[int, int]
) -> tuple[dict[str, Answer], np.ndarray, int]:
    """Return the decisions by transaction id, when each was appended (broker's clock, ms), and how many came again."""
    decode = msgspec.json.Decoder(Decision).decode
    answers: dict[str, Answer] = {}
    appended_ms: list[int] = []
    for messages in cluster.read(topic, start, end):
        for message in messages:
            decision = decode(message.value())
            if decision.transaction_id not in answers:
                appended_ms.append(message.timestamp()[1])
            without_week = any(what.startswith(WITHOUT_WEEK) for what in decision.degraded)
            recent = decision.features.num_trans_last_10m
            answers[decision.transaction_id] = Answer(recent, decision.outcome, without_week)
    read = sum(end.values()) - sum(start.values())
    return answers, np.array(appended_ms, dtype=np.int64), read - len(answers)
