"""Committed offsets beyond the end of a log: they come from another cluster, or the log was restored."""

import asyncio

from tests.chaos.operators import group_left, refused, run
from tests.chaos.stage import PATIENCE_S, Stage
from tests.end_to_end.other_logs import moved

BEYOND = 1_000_000
"""More payments than are made before it is noticed."""


async def beyond_the_end(stage: Stage, rounds: int) -> None:
    """Set the group's offsets beyond the end of a log while the worker is stopped; it refuses; do what it says.

    Every other time all payments have been decided before, and the log is gone on with at its end.
    """
    worker = stage.worker("a")
    worker.start()
    for number in range(rounds):
        at_end = number % 2 == 1
        await stage.progress()
        await stage.pause_s(0, 2)
        if at_end:
            stage.pump.quieten()
            await stage.settled(PATIENCE_S)
        await asyncio.to_thread(worker.stop)
        await group_left(stage)
        source = stage.chance.choice(("transactions", "transactions", "transactions-by-card"))
        ends = await stage.logs.ends(source)
        stage.fault()
        beyond = {place.partition: end + BEYOND for place, end in ends.items()}
        await moved(stage.administrator, stage.settings.topic(source), beyond)
        worker.start()
        await refused(worker, "fraudstream state adopt")
        await run(stage, "state", "adopt", "--from", "end" if at_end else "earliest")
        stage.pump.resume()
        worker.start()
    await stage.progress()
