"""A worker whose clock jumps while payments are decided, and that starts with it wrong."""

from itertools import pairwise

from tests.chaos.stage import PATIENCE_S, Stage, Stuck
from tests.chaos.workers import until
from tests.chaos.wrong_clock import step

STEPS_S = (-7200, 1800, 90_000, -600, -90_000, 5)
"""Steps back and forth, as by summer time, a wrong zone or an empty battery."""

TAKEN_S_MAX = 3600
"""How far ahead a broker takes a record's time to be (`message.timestamp.after.max.ms`)."""
SAID = "correct the clock that is wrong"
"""What a worker logs if brokers refuse the time of its records."""


async def stepped(stage: Stage, rounds: int) -> None:
    """Step the clock while the worker decides, and kill it, so that it starts with the wrong clock.

    If the clock is so far ahead that brokers refuse its records, the worker says so, and the clock is set.
    """
    file = stage.settings.data_dir / "a.clock"
    worker = stage.worker("a", "--clock", str(file), supervised=True)
    worker.start()
    for number in range(rounds):
        by_s = STEPS_S[number % len(STEPS_S)]
        await stage.progress()
        stage.fault()
        step(file, by_s)
        if by_s > TAKEN_S_MAX:
            if not await until(lambda: SAID in worker.log, PATIENCE_S):
                raise Stuck(f"a clock that is ahead by {by_s} s is not said: {worker.log[-600:]}")
            await stage.pause_s(2, 4)
            step(file, 0)
        await stage.progress()
        stage.kill(worker)
        await stage.progress()
    step(file, 0)
    await stage.progress()
    await _look_back(stage)


async def _look_back(stage: Stage) -> None:
    """Raise Stuck if no decision was made with a wrong clock. Recovery times are left out: that clock measured them."""
    decisions = await stage.logs.read("decisions")
    off_s = max(abs(later.timestamp - sooner.timestamp) for sooner, later in pairwise(decisions)) / 1000
    stage.facts["clock_off_s"] = off_s
    stage.faults_ms.clear()
    if off_s < abs(STEPS_S[0]) / 2:
        raise Stuck("no decision was made by a wrong clock")
