"""Brokers that are killed, restarted and paused: three of them, with three copies of everything."""

import asyncio

from tests.chaos.cluster import Broker
from tests.chaos.stage import Stage

FROZEN_S = (8.0, 12.0)
"""Longer than the controller waits for a broker, so that its partitions move."""


async def killed_and_rolled(stage: Stage, rounds: int) -> None:
    """Kill -9 one broker, restart all one after the other, then kill -9 all three at once."""
    _start_two_workers(stage)
    for _ in range(rounds):
        await stage.progress()
        broker = stage.chance.choice(stage.scene.brokers)
        await _kill(stage, broker)
        await stage.progress()
        await stage.pause_s(0, 3)
        await asyncio.to_thread(broker.start)
        for broker in stage.scene.brokers:
            await stage.progress()
            stage.fault()
            await asyncio.to_thread(broker.stop)
            await asyncio.to_thread(broker.start)
    await stage.progress()
    for broker in stage.scene.brokers:
        await _kill(stage, broker)
    await stage.pause_s(1, 4)
    await asyncio.gather(*(asyncio.to_thread(broker.start) for broker in stage.scene.brokers))
    await stage.progress()


async def frozen(stage: Stage, rounds: int) -> None:
    """Pause one broker after the other until its partitions have moved, then resume it."""
    _start_two_workers(stage)
    for number in range(rounds):
        broker = stage.scene.brokers[number % len(stage.scene.brokers)]
        await stage.progress()
        stage.fault()
        broker.pause()
        await stage.pause_s(*FROZEN_S)
        broker.resume()
        await stage.progress()


def _start_two_workers(stage: Stage) -> None:
    for name in "ab":
        stage.worker(name, supervised=True).start()


async def _kill(stage: Stage, broker: Broker) -> None:
    stage.fault()
    stage.kills += 1
    await asyncio.to_thread(broker.kill)
