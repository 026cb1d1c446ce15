"""Disks that are full, and disks that lose or change what was written."""

import asyncio

from tests.chaos.stage import Stage
from tests.chaos.workers import until
from tests.tables.damage import HARMLESS, SEEN

FULL_BYTES = 2048
"""No file may grow beyond this: the write-ahead log cannot, and a full disk looks the same to RocksDB."""
BROKER_STOPS_WITHIN_S = 15.0


async def full(stage: Stage, rounds: int) -> None:
    """The worker's disk is full for a while, then the broker's; space returns and all goes on."""
    worker = stage.worker("a", supervised=True)
    worker.start()
    for _ in range(rounds):
        await stage.progress()
        stage.fault()
        worker.limit_files(FULL_BYTES)
        await stage.pause_s(5, 9)
        worker.limit_files(None)
        await stage.progress()
    (broker,) = stage.scene.brokers
    stage.fault()
    broker.limit_files(FULL_BYTES)
    await until(lambda: not broker.running, BROKER_STOPS_WITHIN_S)
    stage.facts["broker_stopped"] = not broker.running
    await asyncio.to_thread(broker.stop)
    await asyncio.to_thread(broker.start)
    await stage.progress()


async def damaged(stage: Stage, rounds: int) -> None:
    """Kill the worker, damage one partition's RocksDB, and start it again on it."""
    worker = stage.worker("a")
    worker.start()
    damages = stage.chance.sample([*SEEN, *HARMLESS], len(SEEN) + len(HARMLESS))
    for number in range(rounds):
        await stage.progress()
        await stage.pause_s(0, 1)
        stage.kill(worker)
        directory = stage.chance.choice(sorted(worker.state_dir.rglob("activity-*.db")))
        damages[number % len(damages)](directory)
        worker.start()
    await stage.progress()
    stage.facts["wiped"] = worker.log.count("wiped, and rebuilt")
