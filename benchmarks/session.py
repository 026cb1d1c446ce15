"""One run from the broker's start to its end: prepare, preload, race by turns, then the loads."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from benchmarks.children import BenchmarkFailed
from benchmarks.cluster import Cluster
from benchmarks.contestants import (
    FLOOR,
    NOOP,
    QUIX,
    TITLES,
    Contestant,
    Run,
    fraudstream_with,
    java_with,
    topic_configs,
)
from benchmarks.idle import idle_share
from benchmarks.latency import Latency, latencies
from benchmarks.peers.java.program import FLINK, KAFKA_STREAMS, CannotBuild, built
from benchmarks.plan import Plan
from benchmarks.prepared import Prepared, prepare
from benchmarks.results import Results, machine
from benchmarks.throughput import Race, race
from benchmarks.traffic import payments_of, records_of, without_keys
from benchmarks.workers import Team, kinds, work_together
from fraudstream import topics
from fraudstream.adapters.broker import EmbeddedBroker

CONTESTANTS = tuple(TITLES)
JAVA = {"kafka_streams": KAFKA_STREAMS, "flink": FLINK}
"""Contestants that Maven builds."""
PARTS = ("throughput", "latency", "idle", "workers")

BACKLOG, QUIX_BACKLOG, UNKEYED = "backlog-", "quix-backlog-", "unkeyed-backlog-"
"""Topic prefixes. Quix has a copy of the first payments: it must have an end to reach, too."""

SERVER_JVM = ("-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:-UsePerfData")
"""A JVM as in production, with the optimising compiler that the embedded broker goes without."""


@dataclass(slots=True)
class Session:
    """The state of one run."""

    plan: Plan
    data_dir: Path
    scratch: Path
    console: Console
    worker_command: tuple[str, ...]
    programs_dir: Path
    """Keeps what is built for contestants between runs."""
    who: tuple[str, ...] = CONTESTANTS
    parts: tuple[str, ...] = PARTS
    _started: int = field(default=0, init=False)

    def run(self) -> Results:
        """Do it all."""
        described = machine()
        with self._progress() as progress:
            contestants, left_out = self._contestants(progress, described)
            prepared = self._prepare(progress)
            broker = EmbeddedBroker(
                self.scratch / "broker", heap_mb=self.plan.heap_mb, java_options=SERVER_JVM
            )
            with broker:
                cluster = Cluster(broker.bootstrap, self.plan.partitions)
                races: dict[str, list[Race]] = {}
                loads: dict[str, list[Latency]] = {}
                idle: dict[str, float] = {}
                teams: dict[str, list[Team]] = {}
                if "throughput" in self.parts or self._with_workers:
                    self._preload(cluster, prepared, progress)
                if "throughput" in self.parts:
                    races = self._races(cluster, contestants, prepared, progress)
                if "latency" in self.parts:
                    loads = self._loads(cluster, contestants, prepared, progress)
                if "idle" in self.parts:
                    idle = self._idle(cluster, contestants, prepared, progress)
                if self._with_workers and broker.state:
                    teams = self._teams(cluster, broker.state.pid, prepared, progress)
        return Results(self.plan, described, races, loads, idle, left_out, teams)

    @property
    def _with_workers(self) -> bool:
        """Whether several of our workers are to be measured."""
        return "workers" in self.parts and "fraudstream" in self.who

    def _contestants(
        self, progress: Progress, described: dict[str, str]
    ) -> tuple[list[Contestant], dict[str, str]]:
        """Return who takes part, and why others that were asked for do not; some have to be built first.

        `described` gets the versions of what was built.
        """
        found = {who.name: who for who in (fraudstream_with(self.worker_command), QUIX, NOOP, FLOOR)}
        left_out: dict[str, str] = {}
        for name, source in JAVA.items():
            if name not in self.who:
                continue
            title = TITLES[name].partition(",")[0]
            with self._step(progress, f"{title}, built by Maven once"):
                try:
                    program = built(source, self.programs_dir / source.name)
                    described.update(program.versions)
                    found[name] = java_with(name, program)
                except CannotBuild as error:
                    left_out[name] = str(error)
                    self.console.print(f"{title} is left out: {error}")
        contestants = [found[name] for name in CONTESTANTS if name in self.who and name in found]
        if not contestants:
            raise BenchmarkFailed("; ".join(f"{name} is left out: {why}" for name, why in left_out.items()))
        return contestants, left_out

    @contextmanager
    def _progress(self) -> Iterator[Progress]:
        """Show one line for each step."""
        columns = (TextColumn("{task.description:<44}"), BarColumn(), TextColumn("{task.fields[said]:<16}"))
        with Progress(*columns, TimeElapsedColumn(), console=self.console) as progress:
            yield progress

    @contextmanager
    def _step(self, progress: Progress, description: str, total: float | None = None) -> Iterator[TaskID]:
        """Show a step while it lasts; where there is no terminal, say what begins."""
        if not self.console.is_terminal:
            self.console.print(description)
        task = progress.add_task(description, total=total, said="")
        yield task
        progress.update(task, total=1, completed=1)
        progress.stop_task(task)

    def _tell(self, progress: Progress, task: TaskID, what: str) -> None:
        """Say what a step is about now."""
        progress.update(task, description=what)
        if not self.console.is_terminal:
            self.console.print(f"  {what}")

    def _prepare(self, progress: Progress) -> Prepared:
        with self._step(progress, "world, weekly aggregates, model") as task:
            return prepare(self.plan, self.data_dir, partial(self._tell, progress, task))

    def _preload(self, cluster: Cluster, prepared: Prepared, progress: Progress) -> None:
        """Write the backlogs; the slow peer gets the first part of it in topics of its own."""
        wanted = {BACKLOG: self.plan.preloaded}
        if self._with_workers:
            wanted[UNKEYED] = self.plan.workers_backlog
        if "quix" in self.who and "throughput" in self.parts:
            wanted[QUIX_BACKLOG] = self.plan.backlog["quix"]
        payments = payments_of(
            prepared.settings.history_dir, prepared.first_day, prepared.days, 0, self.plan.preloaded
        )
        records = records_of(payments, self.plan.partitions)
        for prefix, count in wanted.items():
            cluster.create(topic_configs(prefix, self.plan))
            with self._step(progress, f"{count:,} payments to {prefix}transactions", count) as task:
                cluster.preload(
                    f"{prefix}{topics.TRANSACTIONS.name}",
                    without_keys(records[:count], self.plan.partitions)
                    if prefix == UNKEYED
                    else records[:count],
                    partial(progress.advance, task),
                )

    def _races(
        self, cluster: Cluster, contestants: list[Contestant], prepared: Prepared, progress: Progress
    ) -> dict[str, list[Race]]:
        """Let the contestants race by turns, so that a slow minute of the machine hits all of them."""
        races: dict[str, list[Race]] = {who.name: [] for who in contestants}
        for repetition in range(self.plan.repetitions):
            for who in contestants:
                title = f"{who.title}, {repetition + 1} of {self.plan.repetitions}"
                prefix = QUIX_BACKLOG if who is QUIX else BACKLOG
                with self._step(progress, title, 1.0) as task:
                    done = race(
                        cluster,
                        who,
                        self._run(cluster, who, prefix, prepared),
                        partial(_fill, progress, task),
                    )
                    progress.update(task, said=f"{done.events_per_s:,.0f}/s")
                if not self.console.is_terminal:
                    self.console.print(f"  {done.events_per_s:,.0f}/s, {done.cpu_us_per_event:.1f} µs/event")
                races[who.name].append(done)
        return races

    def _loads(
        self, cluster: Cluster, contestants: list[Contestant], prepared: Prepared, progress: Progress
    ) -> dict[str, list[Latency]]:
        """Measure latency, each contestant on fresh topics."""
        loads: dict[str, list[Latency]] = {}
        for who in contestants:
            if not who.decides:
                continue
            prefix = f"live-{who.name}-"
            cluster.create(topic_configs(prefix, self.plan))
            with self._step(progress, f"{who.title}, latency") as task:
                loads[who.name] = latencies(
                    who,
                    self._run(cluster, who, prefix, prepared),
                    self.plan.rates[who.name],
                    partial(self._tell, progress, task),
                )
        return loads

    def _idle(
        self, cluster: Cluster, contestants: list[Contestant], prepared: Prepared, progress: Progress
    ) -> dict[str, float]:
        """Measure what each contestant costs without traffic, on fresh topics."""
        shares: dict[str, float] = {}
        for who in contestants:
            prefix = f"idle-{who.name}-"
            cluster.create(topic_configs(prefix, self.plan))
            with self._step(progress, f"{who.title}, idle"):
                shares[who.name] = idle_share(cluster, who, self._run(cluster, who, prefix, prepared))
        return shares

    def _teams(
        self, cluster: Cluster, broker_pid: int, prepared: Prepared, progress: Progress
    ) -> dict[str, list[Team]]:
        """Measure several of our workers together, by turns."""
        who = fraudstream_with(self.worker_command)
        teams: dict[str, list[Team]] = {}
        for repetition in range(self.plan.repetitions):
            for kind in kinds(self.plan.workers):
                with self._step(
                    progress, f"{kind.title}, {repetition + 1} of {self.plan.repetitions}", 1.0
                ) as task:
                    run = self._run(cluster, who, BACKLOG if kind.keyed else UNKEYED, prepared)
                    fill = partial(_fill, progress, task)
                    done = work_together(cluster, broker_pid, who, run, kind, fill)
                if not self.console.is_terminal:
                    self.console.print(f"  {done}")
                teams.setdefault(kind.name, []).append(done)
        return teams

    def _run(self, cluster: Cluster, who: Contestant, prefix: str, prepared: Prepared) -> Run:
        """Name a start: its group, topics and directory."""
        self._started += 1
        name = f"{who.name}-{self._started}"
        return Run(cluster.bootstrap, name, prefix, self.scratch / name, self.plan, prepared)


def _fill(progress: Progress, task: TaskID, share: float) -> None:
    """Show which share of a step is done."""
    progress.update(task, completed=share)
