"""What a run found: medians, ratios, whether everything was decided, and the one JSON object of `--json`."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from statistics import median
from typing import Any

from benchmarks.latency import Latency
from benchmarks.plan import Plan
from benchmarks.throughput import Race

PACKAGES = (
    "faust-streaming",
    "aiokafka",
    "quixstreams",
    "confluent-kafka",
    "xgboost-cpu",
    "polars",
    "uvloop",
)

DECIDING = ("fraudstream", "quix")
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

    def events_per_s(self, name: str) -> Spread:
        """Return the throughput of a contestant."""
        return Spread.of([race.events_per_s for race in self.races[name]])

    def cpu_us(self, name: str) -> Spread:
        """Return the CPU time per event of a contestant's process, in µs."""
        return Spread.of([race.cpu_us_per_event for race in self.races[name]])

    def peak_rss_mb(self, name: str) -> float:
        """Return the most memory a contestant's process ever held."""
        return max(race.peak_rss_mb for race in self.races[name])

    def ratio(self, name: str) -> float:
        """Return how many times as fast as a contestant our worker is."""
        return self.events_per_s("fraudstream").median / self.events_per_s(name).median

    def problems(self) -> list[str]:
        """Return what makes the figures worthless; empty if all is well."""
        found = []
        for name, races in self.races.items():
            for race in races:
                if name in DECIDING and len(race.answers) != race.events:
                    found.append(f"{name} decided {len(race.answers):,} of {race.events:,} payments")
                if race.dead_letters:
                    found.append(f"{name} refused {race.dead_letters:,} valid payments")
        for name, loads in self.latency.items():
            found += [
                f"{name} left {load.missing:,} payments undecided at {load.rate}/s"
                for load in loads
                if load.missing
            ]
        different = self.disagreements()
        if different:
            found.append(
                f"fraudstream and quix counted ten minutes differently for {len(different)} payments: {different[:3]}"
            )
        return found

    def disagreements(self) -> list[str]:
        """Return the payments both decided and whose ten minutes they counted differently, in any repetition."""
        wrong: set[str] = set()
        for ours, theirs in zip(self.races.get("fraudstream", ()), self.races.get("quix", ()), strict=False):
            wrong |= {
                tid
                for tid, answer in theirs.answers.items()
                if ours.answers.get(tid, (0, ""))[0] != answer[0]
            }
        return sorted(wrong)

    def compared(self) -> int:
        """Return how many payments both decided, in one repetition."""
        races = self.races.get("quix")
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
            "latency_ms_quix": percentiles.get("quix", {}),
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
            "compared": self.compared(),
            "disagreements": len(self.disagreements()),
            "loads": {name: [asdict(load) for load in loads] for name, loads in self.latency.items()},
            "machine": self.machine,
        }


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
