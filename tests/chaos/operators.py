"""What operators do to groups, topics and clients of running workers, and the commands that workers tell them to run."""

import asyncio

from fraudstream.adapters.kafka.partition_logs import members_of
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.process.exits import EXIT_SETUP
from tests.chaos.stage import PATIENCE_S, Stage, Stuck
from tests.chaos.workers import Worker
from tests.commands.running import fraudstream

COMMAND_S_MAX = 300.0
"""On a busy machine; a command that hangs is a red row."""


async def run(stage: Stage, *arguments: str) -> str:
    """Run `fraudstream` with the settings of the workers; return what it says."""
    done = await asyncio.to_thread(fraudstream, stage.settings, *arguments, timeout_s=COMMAND_S_MAX)
    if done.returncode != 0:
        raise Stuck(f"{arguments} ends with code {done.returncode}: {done.stderr[-600:]}")
    return done.stdout


async def refused(worker: Worker, remedy: str) -> None:
    """Wait until a worker has ended with the set-up code and its last words name what to run."""
    code = await worker.ended(PATIENCE_S)
    if code != EXIT_SETUP or remedy not in worker.last_words():
        raise Stuck(f"{worker.name} does not refuse and name {remedy}: {worker.last_words()}")


async def group_left(stage: Stage) -> None:
    """Wait until the workers' group has no members."""
    async with asyncio.timeout(PATIENCE_S):
        while await members_of(Kafka.of(stage.administrator), stage.settings.app_id):  # noqa: ASYNC110
            await asyncio.sleep(0.2)
