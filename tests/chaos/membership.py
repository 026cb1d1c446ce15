"""Workers that join, leave, and resume after the group has given them up."""

import asyncio

from tests.chaos.stage import Stage


async def join_and_leave(stage: Stage, rounds: int) -> None:
    """Two workers, three, one, two; some leave in order, some are killed."""
    a, b, c = (stage.worker(name) for name in "abc")
    a.start()
    b.start()
    for _ in range(rounds):
        await stage.progress()
        c.start()
        await stage.progress()
        await stage.pause_s(0, 2)
        for leaving in (a, b):
            if stage.chance.random() < 0.5:
                stage.kill(leaving)
            else:
                stage.fault()
                await asyncio.to_thread(leaving.stop)
        await stage.progress()
        await stage.pause_s(0, 2)
        a.start()
        await stage.progress()
        a, b, c = a, c, b
    await stage.progress()


async def zombie(stage: Stage, rounds: int) -> None:
    """Stop a worker past its session timeout, let another take over, and let it go on as if nothing had happened."""
    a, b = stage.worker("a", supervised=True), stage.worker("b", supervised=True)
    a.start()
    b.start()
    for _ in range(rounds):
        await stage.progress()
        await stage.pause_s(0, 1)
        stage.fault()
        a.pause()
        await stage.progress()
        await stage.pause_s(1, 3)
        a.resume()
        await stage.pause_s(2, 4)
        stage.kill(b)
        await stage.progress()
        a, b = b, a
    await stage.progress()
