"""Collects the metrics and exports them to Prometheus.

Counters take a handful of additions a micro-batch and histograms are filled from whole numpy arrays, so a payment costs
nanoseconds. Everything runs on one event loop; nothing here is locked.
"""

from collections.abc import Iterator, Mapping

import numpy as np
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from fraudstream.metrics.catalogue import METRICS, STAGE_BUCKETS_S, STATUSES, Metric
from fraudstream.metrics.histogram import Histogram
from fraudstream.metrics.report import BatchReport, TopicPartition

FIELD_NAMES_MAX = 32
"""Names of undeclared fields that are counted each by itself, those first seen."""
OTHER_FIELDS = "(other)"

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


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
        """Set the running versions."""
        self._values["fraudstream_info"] = {(version, model_version, ruleset_version): 1.0}

    def batch(self, report: BatchReport) -> None:
        """Add one finished micro-batch."""
        self._count("fraudstream_payments_total", report.outcomes)
        self._count("fraudstream_dead_letters_total", report.dead_letters)
        self._count("fraudstream_degraded_total", report.degraded)
        if report.undeclared:
            self._count_fields(report.undeclared)
        self._values["fraudstream_forwarded_total"][()] += report.repartitioned
        self._values["fraudstream_last_progress_timestamp_seconds"][()] = report.finished_at
        if report.payments:
            self._histograms["fraudstream_batch_payments"][()].add(report.payments)
            latency_s = np.fmax(report.latency_ms, 0.0) / 1000.0  # a producer's clock may run ahead
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
            if end is not None and end > offset:  # an end before what was decided says nothing
                self._values["fraudstream_source_lag"][place] = end - offset - 1

    def lookups(self, cards: Mapping[str, int], calls: Mapping[str, int], breaker_state: int) -> None:
        """Set the totals of a guarded weekly store and the state of its circuit breaker."""
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
        """Set how many partitions' state was wiped since the start."""
        self._values["fraudstream_state_wiped_total"][()] = float(partitions)

    def undecided(self, partitions: Mapping[str, int]) -> None:
        """Set, by topic, how many partitions nobody decides."""
        values = self._values["fraudstream_undecided_partitions"]
        values.update({(topic,): float(count) for topic, count in partitions.items()})

    def losses(self, removed: Mapping[TopicPartition, int], restarted: Mapping[TopicPartition, int]) -> None:
        """Set what source logs have lost since the start, by topic and partition."""
        for name, totals in (("removed_undecided", removed), ("restarted_partitions", restarted)):
            self._values[f"fraudstream_{name}_total"] = {
                (topic, str(partition)): float(total) for (topic, partition), total in totals.items()
            }

    def nightly(self, result: str) -> None:
        """Count a run of the nightly job."""
        self._count("fraudstream_nightly_runs_total", {result: 1})

    def releases(self, roles: Mapping[str, str | None]) -> None:
        """Set which release has which role."""
        self._values["fraudstream_release_info"] = {
            (role, release): 1.0 for role, release in roles.items() if release is not None
        }

    def release_refused(self, role: str) -> None:
        """Count a release that was refused."""
        self._count("fraudstream_releases_refused_total", {role: 1})

    def shadowed(self, results: Mapping[str, int], changes: Mapping[tuple[str, str], int]) -> None:
        """Count what became of events that a challenger should decide, and which outcomes it would have changed."""
        self._count("fraudstream_shadow_total", results)
        values = self._values["fraudstream_shadow_changes_total"]
        for pair, count in changes.items():
            values[pair] = values.get(pair, 0.0) + count

    def healthy(self, healthy: bool, status: str) -> None:
        """Set what the health page shows."""
        self._values["fraudstream_healthy"][()] = float(healthy)
        self._values["fraudstream_status"] = {(each,): float(each == status) for each in STATUSES}

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

    def _count_fields(self, counts: Mapping[str, int]) -> None:
        """Count undeclared fields: producers could send any number of names, and each is a time series in Prometheus."""
        name = "fraudstream_undeclared_fields_total"
        for field, count in counts.items():
            known = (field,) in self._values[name] or len(self._values[name]) < FIELD_NAMES_MAX
            self._count(name, {field if field and known else OTHER_FIELDS: count})

    def _count(self, name: str, counts: Mapping[str, int]) -> None:
        values = self._values[name]
        for label, count in counts.items():
            values[(label,)] = values.get((label,), 0.0) + count
