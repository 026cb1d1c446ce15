"""A worker that is killed: at any time, between any two steps, with its disk and without."""

import asyncio

from tests.chaos.gaps import RECOVERY_STEPS, STEPS
from tests.chaos.stage import PATIENCE_S, Stage

RARE = {"acknowledged-not-committed", "committed", *RECOVERY_STEPS}
"""Steps that come once a second or less, not with every micro-batch."""

BURST = 40
"""Records that go out at once: some for every partition."""


async def at_random(stage: Stage, rounds: int) -> None:
    """Kill -9, and start again on the same directory; one time in five while it is still starting."""
    worker = stage.worker("a")
    worker.start()
    for _ in range(rounds):
        if stage.chance.random() < 0.8:
            await stage.progress()
            await stage.pause_s(0, 1.5)
        else:
            await stage.pause_s(0.5, 5)
        stage.kill(worker)
        worker.start()
    await stage.progress()


async def in_every_gap(stage: Stage, rounds: int) -> None:
    """Kill -9 at each step of the micro-batch and of the recovery."""
    await _handed_over(stage, rounds, [*STEPS, *RECOVERY_STEPS])


async def with_the_last_payment(stage: Stage, rounds: int) -> None:
    """Kill -9 during the last payments before a quiet time: no later payment can hide what went wrong.

    Of two workers one is killed; the other replays and leaves; the first one comes back to its old directory.
    """
    doomed, other = stage.worker("a"), stage.worker("b")
    doomed.start()
    other.start()
    for _ in range(rounds):
        for step in ("published-not-written", "written-not-acknowledged"):
            await stage.shared(doomed, other)
            stage.pump.quieten()
            await stage.settled(PATIENCE_S)
            doomed.trap.arm(step, 1)
            stage.pump.burst(BURST)
            await stage.trapped(doomed)
            await stage.settled(PATIENCE_S)
            await asyncio.to_thread(other.stop)
            doomed.start()
            stage.pump.resume()
            await stage.progress()
            other.start()


async def _handed_over(stage: Stage, rounds: int, steps: list[str]) -> None:
    """Kill one of two workers at a step; the other takes over, goes on, and hands back to the first one's old directory."""
    doomed, other = stage.worker("a"), stage.worker("b")
    doomed.start()
    other.start()
    for _ in range(rounds):
        for step in steps:
            await stage.shared(doomed, other)
            doomed.trap.arm(step, stage.chance.randint(1, 2 if step in RARE else 40))
            if step in RECOVERY_STEPS:
                stage.kill(doomed)
                await stage.progress()
                doomed.start()
            await stage.trapped(doomed)
            await stage.progress()
            doomed.start()
    await stage.progress()


async def on_an_empty_disk(stage: Stage, rounds: int) -> None:
    """Kill -9, and come back with nothing but the changelog."""
    worker = stage.worker("a")
    worker.start()
    for _ in range(rounds):
        await stage.progress()
        await stage.pause_s(0, 1.5)
        stage.kill(worker)
        worker.wipe()
        worker.start()
    await stage.progress()


async def by_an_error(stage: Stage, rounds: int) -> None:
    """Raise in the middle of a micro-batch: the worker ends with code 70 and its supervisor starts it again."""
    worker = stage.worker("a", supervised=True)
    worker.start()
    steps = ("before-publishing", "published-not-written", "written-not-acknowledged")
    for _ in range(rounds):
        for step in steps:
            await stage.progress()
            stage.fault()
            worker.trap.arm(step, stage.chance.randint(1, 20), "raise")
            await stage.progress()
    await stage.progress()
