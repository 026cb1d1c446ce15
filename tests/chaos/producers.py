"""Producers that repeat, contradict, shuffle and send rubbish; what is wrong with them is in the experiment's spice.

And producers of every make: each compresses in its own way.
"""

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


CODECS = (None, "gzip", "snappy", "lz4", "zstd")
BURST = 1000
"""Payments at once, so that batches are large, of one codec and the next side by side."""


async def every_codec(stage: Stage, rounds: int) -> None:
    """Go over from one codec to the next while the worker is killed."""
    worker = stage.worker("a")
    worker.start()
    for number in range(rounds):
        stage.pump.burst(BURST)
        await stage.pump.compress(CODECS[number % len(CODECS)])
        await stage.progress()
        stage.pump.burst(BURST)
        await stage.pause_s(0, 2)
        stage.kill(worker)
        worker.start()
    await stage.progress()
