"""How large a run is: the default, and `--quick` for a smoke test."""

from dataclasses import dataclass, field, replace

FIRST_MARK, LAST_MARK = 0.10, 0.95
"""Throughput is measured between these shares of a backlog: neither start-up nor the last trickle counts."""

WARM_MARK = 0.50
"""From here to the last mark a contestant counts as warm: a JVM has compiled by then what it runs most."""

JOIN_MARK = 0.30
"""When so much of a backlog is done another worker joins, where that is measured."""

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
    rates: dict[str, tuple[Rate, ...]]
    """The loads of each contestant that decides, one after the other."""
    idle_s: float
    """How long the CPU of a contestant without traffic is watched."""
    workers: tuple[int, ...]
    """How many workers share a backlog, where several are compared."""
    workers_backlog: int
    warm_up: dict[str, Rate] = field(default_factory=dict)
    """Sent to some contestants after they woke up, and not measured."""
    wake_up: Rate = Rate(200, 0, 4)
    """Sent before the loads and not measured: the contestant has started when it is answered."""
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
        return max(*self.backlog.values(), self.workers_backlog)


_RATES = (Rate(1, 3, 20), Rate(20, 3, 25), Rate(200, 3, 15), Rate(1_000, WARMUP_S, 15), Rate(5_000, 4, 15))
_QUICK_RATES = (Rate(20, 1, 2), Rate(1_000, 1, 2), Rate(5_000, 0.5, 1))

_WARM_UP = Rate(5_000, 0, 40)
"""As many payments as a JVM takes to compile what it runs most; our worker gets them, too."""

DEFAULT = Plan(
    cards=100_000,
    payments_per_card_day=3.55,
    repetitions=3,
    backlog={
        "fraudstream": 600_000,
        "kafka_streams": 600_000,
        "flink": 600_000,
        "quix": 50_000,
        "noop_agent": 200_000,
        "floor": 600_000,
    },
    floor_passes=4,
    rates={
        "fraudstream": _RATES,
        "kafka_streams": _RATES,
        "flink": _RATES,
        "quix": (Rate(1, 3, 20), Rate(20, 3, 15), Rate(200, 3, 10), Rate(1_000, WARMUP_S, 10)),
    },
    idle_s=30.0,
    workers=(1, 2, 4),
    workers_backlog=600_000,
    warm_up={"fraudstream": _WARM_UP, "kafka_streams": _WARM_UP, "flink": _WARM_UP},
)

QUICK = Plan(
    cards=2_500,
    payments_per_card_day=3.55,
    repetitions=1,
    backlog=dict.fromkeys(("fraudstream", "kafka_streams", "flink", "quix", "noop_agent", "floor"), 5_000),
    floor_passes=40,
    rates={
        "fraudstream": _QUICK_RATES,
        "kafka_streams": (Rate(20, 1, 2), Rate(200, 1, 2)),
        "flink": (Rate(200, 1, 2),),
        "quix": (Rate(1_000, 1, 2),),
    },
    idle_s=2.0,
    workers=(1, 2),
    workers_backlog=5_000,
    heap_mb=256,
)
