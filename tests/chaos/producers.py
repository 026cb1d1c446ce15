"""Producers that repeat, contradict, shuffle and send rubbish, as the experiment's spice says; and all codecs."""

from tests.chaos.stage import Stage


async def wrong_input(stage: Stage, rounds: int) -> None:
    """Kill the worker while all that comes, now and then with its disk."""
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
"""Payments sent at once, so that large batches of one codec and the next lie side by side."""


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
