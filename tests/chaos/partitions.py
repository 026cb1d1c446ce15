"""Partitions added to the topics of running workers, and how their payments get decided."""

import asyncio

from tests.chaos.operators import group_left, run
from tests.chaos.stage import PATIENCE_S, Stage, Stuck
from tests.chaos.workers import until
from tests.end_to_end.test_partitions_added import add_partitions

MORE = 2
SAID = "are not decided"
"""What a worker logs about payments on partitions that it was not made for."""


async def added(stage: Stage, rounds: int) -> None:
    """Add partitions to `transactions`; the old ones go on, also through kills; then grow the group.

    Producers go over to the new partitions when all they sent to the old ones is decided, as docs/growing.md has it.
    """
    a, b = stage.worker("a", supervised=True), stage.worker("b", supervised=True)
    a.start()
    b.start()
    for _ in range(rounds):
        partitions = stage.settings.partitions + MORE
        await stage.progress()
        stage.fault()
        await add_partitions(stage.administrator, stage.settings.topic("transactions"), partitions)
        await stage.progress()
        stage.kill(stage.chance.choice((a, b)))
        await stage.progress()
        if not await until(lambda: SAID in a.log + b.log, PATIENCE_S):
            raise Stuck("nobody says that the new partitions are not decided")
        await _moved_to(stage, partitions)
        for worker in (a, b):
            await asyncio.to_thread(worker.stop)
        await group_left(stage)
        stage.pump.resume()
        await stage.pause_s(0, 2)
        await run(stage, "topics", "grow", str(partitions), "--yes")
        stage.grow(partitions)
        for worker in (a, b):
            worker.start()
        await stage.progress()


async def _moved_to(stage: Stage, partitions: int) -> None:
    """Let the producers send to all partitions for a while, and then nothing until the old ones are decided."""
    stage.pump.quieten()
    await stage.settled(PATIENCE_S)
    await stage.pump.widen(partitions)
    stage.pump.resume()
    await stage.pause_s(1, 3)
    stage.pump.quieten()
    await stage.settled(PATIENCE_S)
