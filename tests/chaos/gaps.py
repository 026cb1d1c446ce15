"""Ending a worker between two steps of a micro-batch, from outside the product: the steps are wrapped where they touch
Kafka and RocksDB, and a file arms one of them.

    decide -> publish outputs and changelog -> RocksDB -> acknowledge -> commit
"""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from fraudstream.adapters.kafka.coalescing_consumer import CoalescingConsumer
from fraudstream.tables.activity_store import ActivityStore

STEPS = (
    "before-publishing",
    "outputs-without-changelog",
    "changelog-without-outputs",
    "published-not-written",
    "written-not-acknowledged",
    "acknowledged-not-committed",
    "committed",
)
"""Gaps of an ordinary micro-batch, in order."""

RECOVERY_STEPS = ("recovery-begun", "recovery-written")

HELD_S_MAX = 2.0


class Trap:
    """The armed step, in a file: `step passes action`. It springs once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def arm(self, step: str, passes: int, action: str = "kill") -> None:
        """Spring at the `passes`-th pass of a step; `action` is kill or raise."""
        draft = self._path.with_suffix(".draft")
        draft.write_text(f"{step} {passes} {action}")
        draft.replace(self._path)

    def armed(self) -> str | None:
        """Return the step, if one is armed."""
        return self._path.read_text().split()[0] if self._path.exists() else None

    def next_springs(self, step: str) -> bool:
        """Tell whether the next pass of a step springs the trap."""
        return self._path.exists() and self._path.read_text().split()[:2] == [step, "1"]

    def passed(self, step: str) -> None:
        """Say that a step is passed; this may be the end."""
        if not self._path.exists():
            return
        wanted, passes, action = self._path.read_text().split()
        if step != wanted:
            return
        if int(passes) > 1:
            self.arm(wanted, int(passes) - 1, action)
            return
        self._path.unlink()
        if action == "raise":
            raise RuntimeError(f"chaos at {step}")
        os.kill(os.getpid(), signal.SIGKILL)


def install(trap: Trap) -> None:
    """Wrap what a worker does to Kafka and RocksDB."""
    _wrap_publishing(trap)
    _wrap_writing(trap)
    _wrap_committing(trap)


def _wrap_publishing(trap: Trap) -> None:
    send_batch = AIOKafkaProducer.send_batch
    under_way: list[asyncio.Future[Any]] = []

    async def watched(self: AIOKafkaProducer, batch: Any, topic: str, *, partition: int) -> Any:
        changelog = topic.endswith("-changelog")
        under_way[:] = [delivery for delivery in under_way if not delivery.done()]
        trap.passed("before-publishing")
        if changelog and trap.next_springs("outputs-without-changelog"):
            await asyncio.gather(*under_way)
        if changelog:
            trap.passed("outputs-without-changelog")
        hold_outputs = trap.next_springs("changelog-without-outputs")
        if hold_outputs and not changelog:
            asyncio.get_running_loop().call_later(HELD_S_MAX, trap.passed, "changelog-without-outputs")
            return asyncio.get_running_loop().create_future()
        delivery = await send_batch(self, batch, topic, partition=partition)
        if hold_outputs:
            await delivery
        if changelog:
            trap.passed("changelog-without-outputs")
        under_way.append(delivery)
        return delivery

    AIOKafkaProducer.send_batch = watched


def _wrap_writing(trap: Trap) -> None:
    write, apply = ActivityStore.write, ActivityStore._apply
    recovering = False

    def watched_write(self: ActivityStore, *args: Any, **kwargs: Any) -> None:
        if not recovering:
            trap.passed("published-not-written")
        write(self, *args, **kwargs)
        if not recovering:
            trap.passed("written-not-acknowledged")

    def watched_apply(self: ActivityStore, *args: Any) -> None:
        nonlocal recovering
        recovering = True
        trap.passed("recovery-begun")
        apply(self, *args)
        trap.passed("recovery-written")
        recovering = False

    ActivityStore.write = watched_write  # type: ignore[method-assign]
    ActivityStore._apply = watched_apply  # type: ignore[assignment, method-assign]


def _wrap_committing(trap: Trap) -> None:
    commit = CoalescingConsumer._commit_offsets

    async def watched(self: CoalescingConsumer, offsets: Any, **kwargs: Any) -> bool:
        trap.passed("acknowledged-not-committed")
        done: bool = await commit(self, offsets, **kwargs)
        trap.passed("committed")
        return done

    CoalescingConsumer._commit_offsets = watched  # type: ignore[assignment, method-assign]
