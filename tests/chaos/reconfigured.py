"""Topics whose configuration is changed while workers run, and changed back."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fraudstream.topics import all_topics, changelog
from tests.chaos.operators import refused
from tests.chaos.stage import Stage, Stuck
from tests.chaos.workers import Worker
from tests.topic_settings import configure

BACKLOG = 3000
"""Payments that are due at once when the limit falls: record batches are as large as they become."""
FROZEN_S = (0.5, 1.0)
LIMITS = (4096, 8192, 16_384)
"""Bytes: what a worker wants at least of its changelog, and more; one decision fits, a micro-batch of them does not."""
REFUSED = "refuses a batch of"
"""What a worker logs when a batch was too large for its topic."""


async def limits_lowered(stage: Stage, rounds: int) -> None:
    """Lower `max.message.bytes` of what a worker writes while it has a backlog, kill it, and raise it again."""
    worker = stage.worker("a", supervised=True)
    worker.start()
    for number in range(rounds):
        await stage.progress()
        async with limit_lowered(stage, worker, number):
            await stage.progress()
            if number % 4 in (1, 2):
                stage.kill(worker)
                await stage.progress()
        await stage.progress()
    stage.facts["refused"] = worker.log.count(REFUSED)
    if not stage.facts["refused"]:
        raise Stuck("no batch was too large for the lowered limits: this proves nothing")


@asynccontextmanager
async def limit_lowered(stage: Stage, worker: Worker, number: int) -> AsyncIterator[None]:
    """Lower the limit of decisions, or of the changelog with odd numbers, while a worker's next micro-batches are large."""
    topic = changelog(stage.settings).name if number % 2 else stage.settings.topic("decisions")
    worker.pause()
    stage.pump.burst(BACKLOG)
    stage.fault()
    await _configured(stage, topic, {"max.message.bytes": str(stage.chance.choice(LIMITS))})
    await stage.pause_s(*FROZEN_S)
    worker.resume()
    yield
    await _configured(stage, topic, {})


async def times_rewritten(stage: Stage, rounds: int) -> None:
    """Let the brokers put their own times on payments, and on those that are sent on, while the worker is killed."""
    worker = stage.worker("a")
    worker.start()
    sources = [stage.settings.topic(name) for name in ("transactions", "transactions-by-card")]
    for number in range(rounds):
        kind = ("LogAppendTime", "CreateTime")[number % 2]
        await stage.progress()
        for topic in sources:
            stage.fault()
            await _configured(stage, topic, {"message.timestamp.type": kind})
            await stage.pause_s(0.5, 2)
        stage.kill(worker)
        worker.start()
    await stage.progress()


async def policies_changed(stage: Stage, rounds: int) -> None:
    """Let what is written be compacted for a while; dead letters have no key, so the worker ends and says what to correct."""
    worker = stage.worker("a", supervised=True)
    worker.start()
    for _ in range(rounds):
        for name in ("decisions", "fraud-alerts", "dead-letters"):
            await stage.progress()
            stage.fault()
            await _configured(stage, stage.settings.topic(name), {"cleanup.policy": "compact"})
            if name == "dead-letters":
                await refused(worker, stage.settings.topic(name))
            else:
                await stage.pause_s(2, 4)
            await _configured(stage, stage.settings.topic(name), {})
            if not worker.running:
                worker.start()
            await stage.progress()


async def _configured(stage: Stage, topic: str, changed: Mapping[str, str]) -> None:
    """Give a topic the configuration we make it with, except for these changes."""
    usual = all_topics(stage.settings)[topic].configs()
    given = {name.replace(".", "_"): value for name, value in {**usual, **changed}.items()}
    await configure(stage.administrator, topic, **given)
