"""What the API counts."""

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from fraudstream.metrics.catalogue import LATENCY_BUCKETS_S


class ApiMetrics:
    """Metrics of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        requests = Counter(
            "fraudstream_api_requests", "Requests answered.", ["route", "status"], registry=self._registry
        )
        latency = Histogram(
            "fraudstream_api_request_seconds",
            "Time from request to answer.",
            ["route"],
            registry=self._registry,
            buckets=LATENCY_BUCKETS_S,
        )
        events = Counter(
            "fraudstream_api_events", "Events asked for, by outcome.", ["outcome"], registry=self._registry
        )
        self._in_flight = Gauge(
            "fraudstream_api_in_flight", "Events asked for and not decided.", registry=self._registry
        )

        self._requests, self._latency = cache(requests.labels), cache(latency.labels)
        self._events = cache(events.labels)  # finding a series takes longer than counting in it

    def answered(self, route: str, status: int, spent_s: float) -> None:
        """Count a request."""
        self._requests(route, status).inc()
        self._latency(route).observe(spent_s)

    def event(self, outcome: str, in_flight: int) -> None:
        """Count an event: `decided`, or the code of why it was not."""
        self._events(outcome).inc()
        self._in_flight.set(in_flight)

    def text(self) -> bytes:
        """Return them for Prometheus."""
        return generate_latest(self._registry)
