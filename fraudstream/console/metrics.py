"""What the console counts."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from fraudstream.metrics.catalogue import LATENCY_BUCKETS_S


class ConsoleMetrics:
    """Metrics of one process; rooms add their own to `registry`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._latency = Histogram(
            "fraudstream_console_request_seconds",
            "Time from request to page, by status.",
            ["route", "status"],
            registry=self.registry,
            buckets=LATENCY_BUCKETS_S,
        )
        self._logins = Counter(
            "fraudstream_console_logins", "Attempts to log in.", ["result"], registry=self.registry
        )
        self._tasks = Gauge(
            "fraudstream_console_task_up",
            "Whether a task beside the pages does its work.",
            ["task"],
            registry=self.registry,
        )

    def answered(self, route: str, status: int, spent_s: float) -> None:
        """Count a request."""
        self._latency.labels(route, str(status)).observe(spent_s)

    def login(self, result: str) -> None:
        """Count an attempt to log in: `right`, `wrong`, `locked` or `busy`."""
        self._logins.labels(result).inc()

    def text(self, tasks: Mapping[str, bool]) -> bytes:
        """Return them for Prometheus; `tasks`: which of them do their work."""
        for name, up in tasks.items():
            self._tasks.labels(name).set(up)
        return generate_latest(self.registry)
