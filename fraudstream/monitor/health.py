"""Judges a worker's health by its progress, not by an open port: a Faust worker can look alive and do nothing for days."""

from dataclasses import dataclass

from fraudstream.domain.problems import Problem, Severity

TopicPartition = tuple[str, int]

SEVEREST_FIRST: tuple[Severity, ...] = ("failing", "degraded")


@dataclass(frozen=True, slots=True)
class PartitionState:
    """A source partition's progress: the next offset to decide, and how many records wait. None: not known yet."""

    topic: str
    partition: int
    position: int | None
    lag: int | None


@dataclass(frozen=True, slots=True)
class Health:
    """What the worker knows of itself; `problems`: everything that progress does not show."""

    recovered: bool
    partitions: tuple[PartitionState, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class HealthReport:
    """Health judged at a moment; `stalled_s` says for how long a partition has been waiting without progress."""

    status: str
    problems: tuple[Problem, ...]
    stalled_s: dict[TopicPartition, float]

    @property
    def ok(self) -> bool:
        """True if the worker should get work and not be restarted."""
        return self.status in {"ok", "degraded"}


class StallWatch:
    """Remembers since when each partition has had records waiting at an unchanged position.

    The clock of a partition starts when it is first seen to wait, not at its last progress: a partition that
    was idle for an hour and just got a record is not stalled. Time is given in (monotonic) seconds.
    """

    def __init__(self, stalled_after_s: float) -> None:
        self._stalled_after_s = stalled_after_s
        self._waiting: dict[TopicPartition, tuple[int | None, float]] = {}

    def judge(self, health: Health, now_s: float) -> HealthReport:
        """Look at the worker now; each look is compared with the one before."""
        waiting: dict[TopicPartition, tuple[int | None, float]] = {}
        for state in health.partitions:
            if not state.lag:
                continue
            place = (state.topic, state.partition)
            position, since_s = self._waiting.get(place, (None, now_s))
            waiting[place] = (state.position, since_s if position == state.position else now_s)
        self._waiting = waiting
        stalled_s = {place: now_s - since_s for place, (_, since_s) in waiting.items()}
        if not health.recovered:
            return HealthReport(
                "recovering",
                (Problem("failing", "the state is still being restored"), *health.problems),
                stalled_s,
            )
        stalls = tuple(
            Problem(
                "failing",
                f"{topic}, partition {partition}: records are waiting, and none was decided for {seconds:.0f} s",
                "restart this worker; that loses nothing",
            )
            for (topic, partition), seconds in stalled_s.items()
            if seconds >= self._stalled_after_s
        )
        problems = (*stalls, *health.problems)
        severest = next((of for of in SEVEREST_FIRST if any(of == each.severity for each in problems)), "ok")
        return HealthReport("stalled" if stalls else severest, problems, stalled_s)
