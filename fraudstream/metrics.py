"""Every metric: its name, type, help text and labels in one table, and what fills them.

The worker reports once per micro-batch (`BatchReport`), never per payment: counters take a handful of additions
and histograms are filled from whole numpy arrays, so a payment costs nanoseconds. Everything runs on one event
loop; nothing here is locked.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

TopicPartition = tuple[str, int]
Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as it is declared; `buckets` are upper bounds in the metric's unit (histograms only)."""

    name: str
    type: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


LATENCY_BUCKETS_S = tuple(
    bound_ms / 1000.0
    for bound_ms in (
        1,
        2,
        3,
        5,
        7.5,
        10,
        15,
        20,
        30,
        50,
        75,
        100,
        150,
        250,
        500,
        1e3,
        2.5e3,
        5e3,
        1e4,
        3e4,
        6e4,
    )
)
STAGE_BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
BATCH_BUCKETS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0)

METRICS = (
    Metric("fraudstream_payments_total", "counter", "Payments decided, by outcome.", ("outcome",)),
    Metric(
        "fraudstream_dead_letters_total", "counter", "Records that are not payments, by reason.", ("reason",)
    ),
    Metric("fraudstream_degraded_total", "counter", "Payments decided with something missing.", ("reason",)),
    Metric(
        "fraudstream_nightly_runs_total",
        "counter",
        "Runs of the nightly job, by how they ended.",
        ("result",),
    ),
    Metric("fraudstream_forwarded_total", "counter", "Payments sent on to the partition of their card."),
    Metric(
        "fraudstream_decision_latency_seconds",
        "histogram",
        "From the payment's Kafka timestamp to its acknowledged decision.",
        (),
        LATENCY_BUCKETS_S,
    ),
    Metric(
        "fraudstream_stage_seconds",
        "histogram",
        "Time a micro-batch spends in a stage.",
        ("stage",),
        STAGE_BUCKETS_S,
    ),
    Metric("fraudstream_batch_payments", "histogram", "Payments in a micro-batch.", (), BATCH_BUCKETS),
    Metric(
        "fraudstream_weekly_cards_total",
        "counter",
        "Cards looked up in a weekly store that is not in memory: cache, store, or why there is no answer.",
        ("result",),
    ),
    Metric(
        "fraudstream_weekly_calls_total",
        "counter",
        "Calls to that store: answered, failed, late (not within the deadline).",
        ("result",),
    ),
    Metric(
        "fraudstream_weekly_breaker_state",
        "gauge",
        "Circuit breaker before that store: 0 closed, 1 half-open (on trial), 2 open (left alone).",
    ),
    Metric(
        "fraudstream_source_offset", "gauge", "Offset of the last record decided.", ("topic", "partition")
    ),
    Metric(
        "fraudstream_source_lag",
        "gauge",
        "Records that wait behind the last one decided.",
        ("topic", "partition"),
    ),
    Metric(
        "fraudstream_state_wiped_total",
        "counter",
        "Partitions whose RocksDB was damaged and rebuilt from the changelog.",
    ),
    Metric("fraudstream_last_progress_timestamp_seconds", "gauge", "When the last micro-batch was finished."),
    Metric("fraudstream_healthy", "gauge", "1 while the health page answers 200, else 0."),
    Metric(
        "fraudstream_info",
        "gauge",
        "Always 1; its labels say what is running.",
        ("version", "model_version", "ruleset_version"),
    ),
)
"""Every metric of ours. Documentation, dashboards and alert rules are tested against this table."""

PROCESS_METRICS = (
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_virtual_memory_bytes",
)
"""What prometheus-client's process collector adds (Linux)."""


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What one finished micro-batch did.

    `latency_ms` has one entry per payment: Kafka timestamp to acknowledged decision. `stage_ms` is the time of the
    whole batch in each stage. `offsets` maps (topic, partition) to the last offset decided and the log's end, if known.
    """

    payments: int
    outcomes: Mapping[str, int]
    latency_ms: npt.NDArray[np.floating]
    finished_at: float
    degraded: Mapping[str, int] = field(default_factory=dict)
    dead_letters: Mapping[str, int] = field(default_factory=dict)
    forwarded: int = 0
    stage_ms: Mapping[str, float] = field(default_factory=dict)
    offsets: Mapping[TopicPartition, tuple[int, int | None]] = field(default_factory=dict)


class Histogram:
    """Counts per bucket; values are added one by one or as a whole array."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = np.zeros(len(bounds) + 1, dtype=np.int64)
        self.total = 0.0
        self._edges = np.asarray(bounds)

    def add(self, value: float) -> None:
        """Count one value; a value equal to a bound belongs below it, as Prometheus' `le` says."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def add_many(self, values: npt.NDArray[np.floating]) -> None:
        """Count a whole array in two passes of numpy."""
        self.counts += np.bincount(np.searchsorted(self._edges, values), minlength=self.counts.size)
        self.total += float(values.sum())

    def cumulative(self) -> list[tuple[str, float]]:
        """Return Prometheus' buckets: (upper bound, how many values are at most that)."""
        bounds = [repr(bound) for bound in self.bounds] + ["+Inf"]
        return list(zip(bounds, self.counts.cumsum().astype(float).tolist(), strict=True))


class Metrics(Collector):
    """The worker's metrics, in a registry of their own."""

    def __init__(self, version: str = "", model_version: str = "", ruleset_version: str = "") -> None:
        self.registry = CollectorRegistry()
        self._values: dict[str, dict[tuple[str, ...], float]] = {
            metric.name: {} if metric.labels else {(): 0.0}
            for metric in METRICS
            if metric.type != "histogram"
        }
        self._histograms: dict[str, dict[tuple[str, ...], Histogram]] = {
            metric.name: {} if metric.labels else {(): Histogram(metric.buckets)}
            for metric in METRICS
            if metric.type == "histogram"
        }
        self.running(version, model_version, ruleset_version)
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def running(self, version: str, model_version: str, ruleset_version: str) -> None:
        """Say which versions run; replaces what was said before."""
        self._values["fraudstream_info"] = {(version, model_version, ruleset_version): 1.0}

    def batch(self, report: BatchReport) -> None:
        """Add one finished micro-batch."""
        self._count("fraudstream_payments_total", report.outcomes)
        self._count("fraudstream_dead_letters_total", report.dead_letters)
        self._count("fraudstream_degraded_total", report.degraded)
        self._values["fraudstream_forwarded_total"][()] += report.forwarded
        self._values["fraudstream_last_progress_timestamp_seconds"][()] = report.finished_at
        if report.payments:
            self._histograms["fraudstream_batch_payments"][()].add(report.payments)
            latency_s = (
                np.maximum(np.nan_to_num(report.latency_ms), 0.0) / 1000.0
            )  # a producer's clock may run ahead
            self._histograms["fraudstream_decision_latency_seconds"][()].add_many(latency_s)
        stages = self._histograms["fraudstream_stage_seconds"]
        for stage, spent_ms in report.stage_ms.items():
            key = (stage,)
            if key not in stages:
                stages[key] = Histogram(STAGE_BUCKETS_S)
            stages[key].add(spent_ms / 1000.0)
        for (topic, partition), (offset, end) in report.offsets.items():
            place = (topic, str(partition))
            self._values["fraudstream_source_offset"][place] = offset
            if end is not None:
                self._values["fraudstream_source_lag"][place] = max(0, end - offset - 1)

    def lookups(self, cards: Mapping[str, int], calls: Mapping[str, int], breaker_state: int) -> None:
        """Take over the totals of a guarded weekly store and the state of its circuit breaker."""
        for name, totals in (("cards", cards), ("calls", calls)):
            values = self._values[f"fraudstream_weekly_{name}_total"]
            values.update({(result,): float(total) for result, total in totals.items()})
        self._values["fraudstream_weekly_breaker_state"][()] = float(breaker_state)

    def lags(self, lags: Mapping[TopicPartition, int]) -> None:
        """Replace the lag of every partition: those no longer assigned disappear, as do their offsets."""
        keyed: dict[tuple[str, ...], float] = {
            (topic, str(partition)): float(lag) for (topic, partition), lag in lags.items()
        }
        self._values["fraudstream_source_lag"] = keyed
        offsets = self._values["fraudstream_source_offset"]
        self._values["fraudstream_source_offset"] = {key: offsets[key] for key in offsets if key in keyed}

    def wiped(self, partitions: int) -> None:
        """Say how many partitions' state was wiped since the start."""
        self._values["fraudstream_state_wiped_total"][()] = float(partitions)

    def nightly(self, result: str) -> None:
        """Count a run of the nightly job."""
        self._count("fraudstream_nightly_runs_total", {result: 1})

    def healthy(self, healthy: bool) -> None:
        """Say what the health page says."""
        self._values["fraudstream_healthy"][()] = float(healthy)

    def value(self, name: str, *labels: str) -> float:
        """Return a counter's or gauge's value, 0 if it was never set; labels in the table's order."""
        return self._values[name].get(labels, 0.0)

    def total(self, name: str) -> dict[str, float]:
        """Return the values of a metric with one label, by that label."""
        return {labels[0]: value for labels, value in self._values[name].items()}

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Family]:
        """Yield every metric in the table's order; called by the registry."""
        for metric in METRICS:
            if metric.type == "histogram":
                yield self._histogram_family(metric)
                continue
            kind = CounterMetricFamily if metric.type == "counter" else GaugeMetricFamily
            family = kind(metric.name.removesuffix("_total"), metric.help, labels=metric.labels)
            for labels, value in self._values[metric.name].items():
                family.add_metric(labels, value)
            yield family

    def _histogram_family(self, metric: Metric) -> HistogramMetricFamily:
        family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        for labels, histogram in self._histograms[metric.name].items():
            family.add_metric(labels, buckets=histogram.cumulative(), sum_value=histogram.total)
        return family

    def _count(self, name: str, counts: Mapping[str, int]) -> None:
        values = self._values[name]
        for label, count in counts.items():
            values[(label,)] = values.get((label,), 0.0) + count
