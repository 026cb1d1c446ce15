"""Producers that repeat, contradict, shuffle and send rubbish; what is wrong with them is in the experiment's spice."""

from tests.chaos.stage import Stage


async def wrong_input(stage: Stage, rounds: int) -> None:
    """Let it all come while the worker is killed and moves to an empty disk now and then."""
    worker = stage.worker("a")
    worker.start()
    for number in range(rounds):
        await stage.progress()
        await stage.pause_s(3, 6)
        stage.kill(worker)
        if number % 3 == 2:
            worker.wipe()
        worker.start()
    await stage.progress()
    await stage.pause_s(3, 6)
