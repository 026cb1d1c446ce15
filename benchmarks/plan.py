"""How large a run is: the default of about six minutes, and `--quick` for a smoke test."""

from dataclasses import dataclass, field, replace

FIRST_MARK, LAST_MARK = 0.10, 0.95
"""Throughput is measured between these shares of a backlog: neither start-up nor the last trickle counts."""

WARMUP_S = 40
"""Before this the broker's JVM still compiles the paths of small requests: p99 falls by half, for every contestant."""


@dataclass(frozen=True, slots=True)
class Rate:
    """One open-loop load: payments per second, and for how long before and while latency is measured."""

    per_s: int
    warmup_s: float
    measured_s: float

    @property
    def payments(self) -> int:
        """Payments sent in all."""
        return round(self.per_s * (self.warmup_s + self.measured_s))


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes of the world, of each contestant's backlog, and of the loads."""

    cards: int
    payments_per_card_day: float
    repetitions: int
    backlog: dict[str, int]
    """Payments each contestant works off; slow ones get fewer, so that they end in reasonable time."""
    floor_passes: int
    rates: tuple[Rate, ...]
    quix_rates: tuple[Rate, ...]
    wake_up: Rate = Rate(200, 0, 4)
    """Sent before the loads and not measured: the worker has started and is warm when it is answered."""
    heap_mb: int = 1024
    partitions: int = 4
    seed: int = 20_200_101
    history_days: int = 7
    traffic_days: int = 2
    timeouts_s: dict[str, float] = field(default_factory=lambda: {"start": 60.0, "stall": 45.0})

    @property
    def days(self) -> int:
        """Days of the world: a week to look back on, then the days that are replayed."""
        return self.history_days + self.traffic_days

    @property
    def payments(self) -> int:
        """Payments of the whole world."""
        return round(self.cards * self.payments_per_card_day * self.days)

    def repeated(self, times: int) -> "Plan":
        """Return the same plan with another number of repetitions."""
        return replace(self, repetitions=times)

    @property
    def preloaded(self) -> int:
        """Payments in the backlog topic: the largest backlog."""
        return max(self.backlog.values())


DEFAULT = Plan(
    cards=100_000,
    payments_per_card_day=3.55,
    repetitions=3,
    backlog={"fraudstream": 600_000, "quix": 50_000, "noop_agent": 200_000, "floor": 600_000},
    floor_passes=4,
    rates=(Rate(20, 3, 25), Rate(1_000, WARMUP_S, 15), Rate(5_000, 4, 15)),
    quix_rates=(Rate(20, 3, 15), Rate(1_000, WARMUP_S, 10)),
)

QUICK = Plan(
    cards=2_500,
    payments_per_card_day=3.55,
    repetitions=1,
    backlog=dict.fromkeys(("fraudstream", "quix", "noop_agent", "floor"), 5_000),
    floor_passes=40,
    rates=(Rate(20, 1, 2), Rate(1_000, 1, 2), Rate(5_000, 0.5, 1)),
    quix_rates=(Rate(1_000, 1, 2),),
    heap_mb=256,
)
