"""What a run found: medians, ratios, whether everything was decided, and the one JSON object of `--json`."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from math import isnan
from statistics import median
from typing import Any

from benchmarks.latency import Latency
from benchmarks.plan import Plan
from benchmarks.throughput import Cold, Pace, Race
from benchmarks.workers import Team, figures, repartition_cost

PACKAGES = (
    "faust-streaming",
    "aiokafka",
    "quixstreams",
    "confluent-kafka",
    "xgboost-cpu",
    "polars",
    "uvloop",
)

PEERS = ("kafka_streams", "flink", "quix")
"""Contestants that do the same job as our worker."""

DECIDING = ("fraudstream", *PEERS)
"""Contestants that publish decisions."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle of some repetitions, and how far they lie apart."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Sum up repetitions."""
        return cls(median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Results:
    """Everything one run measured."""

    plan: Plan
    machine: dict[str, str]
    races: dict[str, list[Race]]
    latency: dict[str, list[Latency]]
    idle: dict[str, float] = field(default_factory=dict)
    """The share of a core that a contestant uses while no payment comes."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Why contestants that were asked for did not take part."""
    teams: dict[str, list[Team]] = field(default_factory=dict)
    """Several of our workers together, by the name of their kind."""

    def events_per_s(self, name: str) -> Spread:
        """Return the throughput of a contestant."""
        return Spread.of([race.events_per_s for race in self.races[name]])

    def cpu_us(self, name: str) -> Spread:
        """Return the CPU time per event of a contestant's process, in µs."""
        return Spread.of([race.cpu_us_per_event for race in self.races[name]])

    def warm(self, name: str) -> Pace | None:
        """Return the median pace of the backlog's second half, of contestants that decide."""
        paces = [race.warm for race in self.races[name] if race.warm]
        return Pace(*map(median, zip(*paces, strict=True))) if paces else None

    def cold(self, name: str) -> Cold | None:
        """Return the median of what start-up and the backlog's first tenth took, of contestants that decide."""
        starts = [race.cold for race in self.races[name] if race.cold]
        return Cold(*map(median, zip(*starts, strict=True))) if starts else None

    def peak_rss_mb(self, name: str) -> float:
        """Return the most memory a contestant's process ever held."""
        return max(race.peak_rss_mb for race in self.races[name])

    def ratio(self, name: str) -> float:
        """Return how many times as fast as a contestant our worker is."""
        return self.events_per_s("fraudstream").median / self.events_per_s(name).median

    def cpu_ratio(self, name: str) -> float | None:
        """Return how many times as much CPU a contestant uses for an event as our worker does."""
        if name not in self.races or "fraudstream" not in self.races:
            return None
        return round(self.cpu_us(name).median / self.cpu_us("fraudstream").median, 2)

    def warm_cpu_ratio(self, name: str) -> float | None:
        """Return the same for the second half of the backlog, when both are warm."""
        if name not in self.races or "fraudstream" not in self.races:
            return None
        theirs, ours = self.warm(name), self.warm("fraudstream")
        return round(theirs.cpu_us_per_event / ours.cpu_us_per_event, 2) if theirs and ours else None

    def problems(self) -> list[str]:
        """Return what makes the figures worthless; empty if all is well."""
        found = []
        for name, races in self.races.items():
            for race in races:
                if name in DECIDING and len(race.answers) != race.events:
                    found.append(f"{name} decided {len(race.answers):,} of {race.events:,} payments")
                if race.dead_letters:
                    found.append(f"{name} refused {race.dead_letters:,} valid payments")
        found += [
            f"workers ({kind}) decided {team.decided:,} of {team.events:,} payments"
            for kind, teams in self.teams.items()
            for team in teams
            if team.decided != team.events
        ]
        for name, loads in self.latency.items():
            found += [
                f"{name} left {load.missing:,} payments undecided at {load.rate}/s"
                for load in loads
                if load.missing
            ]
        for peer in PEERS:
            different = self.disagreements(peer)
            if different:
                found.append(
                    f"fraudstream and {peer} decided {len(different)} payments differently: {different[:3]}"
                )
        return found

    def disagreements(self, peer: str) -> list[str]:
        """Return the payments both decided with other counts of ten minutes or outcomes, in any repetition."""
        wrong: set[str] = set()
        for ours, theirs in zip(self.races.get("fraudstream", ()), self.races.get(peer, ()), strict=False):
            wrong |= {
                tid
                for tid, answer in theirs.answers.items()
                if tid not in ours.answers or not answer.agrees(ours.answers[tid])
            }
        return sorted(wrong)

    def compared(self, peer: str) -> int:
        """Return how many payments our worker and a peer decided, in one repetition."""
        races = self.races.get(peer)
        return len(races[0].answers) if races else 0

    def to_json(self) -> dict[str, Any]:
        """Return the object `--json` prints."""
        names = list(self.races)
        loads = {name: {str(load.rate): load for load in loads} for name, loads in self.latency.items()}
        percentiles = {
            name: {
                rate: {p: round(getattr(load, p), 2) for p in ("p50", "p99", "p999")}
                for rate, load in by_rate.items()
            }
            for name, by_rate in loads.items()
        }
        return {
            "events_per_s": {name: round(self.events_per_s(name).median) for name in names},
            "ratio_quix": round(self.ratio("quix"), 1)
            if "quix" in names and "fraudstream" in names
            else None,
            "latency_ms": percentiles.get("fraudstream", {}),
            **{f"latency_ms_{peer}": percentiles.get(peer, {}) for peer in PEERS},
            "cpu_share": {
                name: {rate: round(load.cpu_share, 4) for rate, load in by_rate.items()}
                for name, by_rate in loads.items()
            },
            "idle_cpu_share": {name: round(share, 4) for name, share in self.idle.items()},
            "ratio_kafka_streams": self.cpu_ratio("kafka_streams"),
            "ratio_kafka_streams_warm": self.warm_cpu_ratio("kafka_streams"),
            "ratio_flink": self.cpu_ratio("flink"),
            "ratio_flink_warm": self.warm_cpu_ratio("flink"),
            "warm": {name: pace._asdict() for name in names if (pace := self.warm(name))},
            "cold": {name: cold._asdict() for name in names if (cold := self.cold(name))},
            "peak_rss_mb": {name: round(self.peak_rss_mb(name)) for name in names},
            "cpu_us_per_event": {name: round(self.cpu_us(name).median, 1) for name in names},
            "spread": {
                name: [round(self.events_per_s(name).lowest), round(self.events_per_s(name).highest)]
                for name in names
            },
            "missing": {
                name: max(race.events - len(race.answers) for race in self.races[name])
                for name in names
                if name in DECIDING
            },
            "compared": self.compared("quix"),
            "compared_kafka_streams": self.compared("kafka_streams"),
            "compared_flink": self.compared("flink"),
            "disagreements": sum(len(self.disagreements(peer)) for peer in PEERS),
            "left_out": self.left_out,
            "workers": figures(self.teams),
            "repartition_cost": repartition_cost(self.teams),
            "loads": {name: [_figures(load) for load in loads] for name, loads in self.latency.items()},
            "machine": self.machine,
        }


def _figures(load: Latency) -> dict[str, float | None]:
    """Return all figures of a load, null for those it does not have: JSON has no NaN."""
    return {name: None if isnan(value) else value for name, value in asdict(load).items()}


def machine() -> dict[str, str]:
    """Describe where the run took place."""
    with open("/proc/cpuinfo") as file:
        model = next(
            (line.partition(":")[2].strip() for line in file if line.startswith("model name")), "unknown"
        )
    with open("/proc/meminfo") as file:
        memory_kb = int(file.readline().split()[1])
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": f"{os.cpu_count()} cores, {model}",
        "memory": f"{memory_kb / 2**20:.0f} GiB",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }
