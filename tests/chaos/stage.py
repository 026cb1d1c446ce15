"""The environment of an experiment: its own topics and directories, traffic, workers, and the faults so far."""

import asyncio
import math
import random
import time
import uuid
from bisect import bisect_right
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from fraudstream.settings import Settings
from tests.chaos.logs import Logs, Record
from tests.chaos.scenes import Scene
from tests.chaos.traffic import Pump, Spice, Traffic
from tests.chaos.workers import Worker, until

PARTITIONS = 4
PATIENCE_S = 60.0
"""How long anything may take that should take seconds; the machine may be busy."""
REMEDY = "fraudstream state rebuild"
"""What a worker names that refuses to start because its changelog lost records."""

QUICK: dict[str, Any] = {
    "partitions": PARTITIONS,
    "web": False,
    "session_timeout_s": 3.0,
    "commit_interval_s": 0.5,
    "lateness_horizon_s": 600,
    "batch_rows_max": 256,
    "lookup_timeout_ms": 2000,
}
"""Settings under which faults are frequent: short sessions, small micro-batches, a short allowed lateness so that state expires."""


OPEN: dict[str, Any] = {
    "kafka_security_protocol": "PLAINTEXT",
    "kafka_username": None,
    "kafka_password_file": None,
}
"""Kafka without a login."""


class Stuck(Exception):
    """Something that must happen does not."""


@dataclass
class Stage:
    """The environment of one experiment."""

    scene: Scene
    settings: Settings
    chance: random.Random
    spice: Spice
    mutation: str | None = None
    exactly_once: bool = False
    workers: list[Worker] = field(default_factory=list)
    faults_ms: list[float] = field(default_factory=list)
    kills: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    """An experiment's findings beside the verdict."""

    def __post_init__(self) -> None:
        self._clean_ups: list[Callable[[], Awaitable[None]]] = []
        self.logs = Logs(self.scene.bootstrap, self.settings, committed_only=self.exactly_once)
        self.traffic = Traffic(str(self.chance.random()), self.spice, self.settings.partitions)
        self.pump = Pump(
            self.scene.bootstrap, self.settings.topic("transactions"), self.traffic, self.settings.partitions
        )

    @property
    def administrator(self) -> Settings:
        """Return settings with all rights, for the addresses without faults."""
        return self.settings.model_copy(update={"broker": self.scene.bootstrap, **OPEN})

    @classmethod
    def of(
        cls,
        scene: Scene,
        root: Path,
        chance: random.Random,
        spice: Spice,
        mutation: str | None = None,
        **changed: Any,
    ) -> "Stage":
        """Create a stage with unique names."""
        unique = f"c{uuid.uuid4().hex[:8]}"
        settings = Settings(
            _env_file=None,
            **QUICK
            | {
                "broker": scene.proxy.address if scene.proxy else scene.bootstrap,
                **scene.login,
                "replication": max(1, len(scene.brokers)),
                "topic_prefix": f"{unique}-",
                "app_id": unique,
                "data_dir": root / unique,
            }
            | changed,
        )
        return cls(scene, settings, chance, spice, mutation, bool(changed.get("exactly_once_outputs")))

    def worker(self, name: str, *arguments: str, supervised: bool = False) -> Worker:
        """Add a worker; it is not started."""
        mutation = ("--mutation", self.mutation) if self.mutation else ()
        self.workers.append(Worker(self.settings, name, (*arguments, *mutation), supervised=supervised))
        return self.workers[-1]

    def grow(self, partitions: int) -> None:
        """Set the group's number of partitions, which workers get at their next start."""
        grown = {"partitions": partitions}
        self.settings = self.settings.model_copy(update=grown)
        self.logs = Logs(self.scene.bootstrap, self.settings, committed_only=self.exactly_once)
        for worker in self.workers:
            worker.settings = worker.settings.model_copy(update=grown)

    def fault(self) -> None:
        """Note that a fault happens now."""
        self.faults_ms.append(time.time() * 1000)

    def kill(self, worker: Worker) -> None:
        """Kill a worker."""
        self.fault()
        self.kills += 1
        worker.kill()

    async def trapped(self, worker: Worker) -> int:
        """Wait until a worker's trap has ended it; return its exit code."""
        code = await worker.ended(PATIENCE_S)
        if code is None:
            raise Stuck(f"{worker.name} did not come to the step {worker.trap.armed()}: {worker.log[-600:]}")
        self.fault()
        self.kills += code < 0
        return code

    async def pause_s(self, shortest: float, longest: float) -> None:
        """Wait a random time."""
        await asyncio.sleep(self.chance.uniform(shortest, longest))

    async def progress(self, timeout_s: float = PATIENCE_S) -> float:
        """Wait until payments of every partition have been decided from now on; return how long that took."""
        started = time.monotonic()
        before = await self.logs.ends("decisions")
        while True:
            now = await self.logs.ends("decisions")
            if all(now[place] > before[place] for place in before):
                return time.monotonic() - started
            if time.monotonic() - started > timeout_s:
                stalled = [place.partition for place in before if now[place] == before[place]]
                raise Stuck(f"partitions {stalled} did not move for {timeout_s:g} s")
            await asyncio.sleep(0.1)

    async def shared(self, *workers: Worker) -> None:
        """Wait until each of these workers decides some partitions."""
        if not await until(lambda: all(worker.partitions for worker in workers), PATIENCE_S):
            raise Stuck(f"{[worker.name for worker in workers if not worker.partitions]} get no partitions")
        await self.progress()

    async def settled(self, timeout_s: float) -> float:
        """Wait until everything in the log is committed: the liveness phase; return how long that took."""
        started = time.monotonic()
        lag = await self.logs.settled(timeout_s)
        if lag == 0:
            return time.monotonic() - started
        raise Stuck(f"{lag} records are not committed {timeout_s:g} s after the last fault")

    async def rebuilt(self, name: str, *, keep: Worker | None = None) -> Path:
        """Let a single worker take over everything and stop, on a used directory or an empty one."""
        worker = self.worker(name)
        if keep is not None:
            keep.state_dir.rename(worker.state_dir)
        worker.start()
        if await self._refused(worker):
            self.facts["refused"] = worker.last_words()
            self.facts["rebuilt"] = await asyncio.to_thread(worker.rebuild)
            worker.start()
            await self._refused(worker)
        if len(worker.partitions) < self.settings.partitions:
            raise Stuck(f"{name} did not recover: {worker.log[-600:]}")
        await self.settled(PATIENCE_S)
        worker.stop()
        return worker.state_dir

    def finally_do(self, clean_up: Callable[[], Awaitable[None]]) -> None:
        """Do this at the very end; until then workers may need it."""
        self._clean_ups.append(clean_up)

    async def end(self) -> None:
        """End everything."""
        await self.pump.stop()
        await asyncio.to_thread(self.stop)
        for clean_up in self._clean_ups:
            await clean_up()

    def stop(self) -> None:
        """End all workers."""
        for worker in self.workers:
            worker.stop()

    async def _refused(self, worker: Worker) -> bool:
        """Wait until a worker decides all partitions, or refuses and says what to do."""
        await until(
            lambda: not worker.running or len(worker.partitions) == self.settings.partitions, PATIENCE_S
        )
        return not worker.running and REMEDY in worker.last_words()

    def recovery_s(self, decisions: list[Record]) -> float:
        """Return the longest any partition waited after a fault for its next decision, not counting waits cut short
        by the next fault."""
        longest_ms = 0.0
        for partition in range(self.settings.partitions):
            times = sorted(record.timestamp for record in decisions if record.partition == partition)
            for fault_ms, next_ms in pairwise([*self.faults_ms, math.inf]):
                after = bisect_right(times, fault_ms)
                if after < len(times) and times[after] < next_ms:
                    longest_ms = max(longest_ms, times[after] - fault_ms)
        return longest_ms / 1000
