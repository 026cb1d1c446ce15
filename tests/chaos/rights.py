"""Rights that are withdrawn from a running worker and given back."""

import asyncio

from confluent_kafka.admin import AclOperation, ResourceType

from fraudstream.acls import acls
from fraudstream.adapters.kafka.acls import give
from fraudstream.adapters.kafka.admin import administration
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.topics import changelog
from tests.chaos.guard import USER
from tests.chaos.stage import Stage, Stuck
from tests.denials import GROUP, READ, TOPIC, WRITE, allow, deny

PRINCIPAL = f"User:{USER}"
WITHDRAWN_S = (3.0, 6.0)
UNEXPLAINED = "ended with code 1;"
"""What a supervisor logs of a worker that did not know why it ended."""


async def withdrawn(stage: Stage, rounds: int) -> None:
    """Withdraw one right after the other; start the worker again, as an operator would, if it ended for good."""
    async with administration(Kafka.of(stage.administrator)) as admin:
        await give(admin, PRINCIPAL, acls(stage.settings, "worker"))
    worker = stage.worker("a", supervised=True)
    worker.start()
    rights = _rights(stage)
    stage.facts["ended"] = {}
    for _ in range(rounds):
        for what in stage.chance.sample(rights, len(rights)):
            await stage.progress()
            stage.fault()
            await asyncio.to_thread(deny, stage.scene.bootstrap, PRINCIPAL, *what)
            await stage.pause_s(*WITHDRAWN_S)
            await asyncio.to_thread(allow, stage.scene.bootstrap, PRINCIPAL, *what)
            if not worker.running:
                stage.facts["ended"][f"{what[2].name} {what[1]}"] = worker.last_words()
                worker.start()
            await stage.progress()
    if UNEXPLAINED in worker.log:
        raise Stuck("a worker whose rights were withdrawn does not say so, but crashes")


def _rights(stage: Stage) -> list[tuple[ResourceType, str, AclOperation]]:
    written = [changelog(stage.settings).name, *map(stage.settings.topic, ("decisions", "dead-letters"))]
    return [
        *((TOPIC, name, WRITE) for name in written),
        (TOPIC, stage.settings.topic("transactions"), READ),
        (GROUP, stage.settings.app_id, READ),
    ]
