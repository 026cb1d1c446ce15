"""Releases that are switched while workers are killed, and a control topic that is lost: what was decided stays decided so."""

import asyncio
from functools import cache

import numpy as np
import xgboost

from fraudstream import topics
from fraudstream.adapters.kafka.admin import administration
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.models.training import training
from fraudstream.adapters.releases.drafting import draft
from fraudstream.adapters.releases.store import Releases
from fraudstream.adapters.releases.telling import answers, tell, telling
from fraudstream.domain.registry.manifest import MODEL_FILE
from fraudstream.domain.releases.release_log import Action, put
from tests.builders import CountingModel
from tests.chaos.stage import PATIENCE_S, Stage, Stuck
from tests.releases import CARD

RELEASES = 3
ROUNDS_OF_TREES = 40


@cache
def counting_model(seed: int) -> bytes:
    """Train what the counting model says, so that alerts are the same; probabilities differ in their last digits."""
    chance = np.random.default_rng(seed)
    rows = chance.uniform(0, 20, (2_000, len(CountingModel.features))).astype(np.float32)
    rows[:, 5] = chance.integers(1, 4, 2_000)
    options = {"objective": "binary:logistic", "max_depth": 1, "seed": seed, "nthread": 1}
    trained = xgboost.train(options, xgboost.DMatrix(rows, rows[:, 5] >= 2), ROUNDS_OF_TREES + seed)
    return bytes(trained.save_raw("ubj"))


class Operator:
    """Drafts releases and switches between them."""

    def __init__(self, stage: Stage) -> None:
        self._settings = stage.administrator
        self._store = Releases.at(self._settings.models_place, "card")
        registry = Registry.at(self._settings.models_place, "card")
        for seed in range(1, RELEASES + 1):
            with training(registry) as made:
                made.save(
                    {"features": list(CountingModel.features), "threshold": CountingModel.threshold},
                    {MODEL_FILE: counting_model(seed)},
                )
            number = draft(self._store, registry, CARD, str(made.version)).number
            self._store.append(lambda log, number=number: [self._store.entry(log, number, Action.CHECK, "")])  # type: ignore[misc]

    async def next(self) -> int:
        """Let the next release decide, and the one after it a part of the cards; return the revision."""
        champion = (self._store.log().active or 0) % RELEASES + 1
        for number, action, share in (
            (champion, Action.ACTIVATE, None),
            (champion % RELEASES + 1, Action.CANARY, 0.3),
        ):
            self._store.append(
                lambda log, number=number, action=action, share=share: put(  # type: ignore[misc]
                    log, self._store.entry(log, number, action, "", share)
                )
            )
        return await self.publish()

    async def publish(self) -> int:
        """Tell workers what the log says; return its revision."""
        log = self._store.log()
        async with telling(self._settings) as publisher:
            await tell(publisher, self._settings, log)
        return log.revision

    async def lose(self) -> None:
        """Delete the control topic."""
        async with administration(Kafka.of(self._settings)) as admin:
            await admin.delete_topics([self._settings.topic(topics.RELEASES.name)])

    async def applied(self, revision: int) -> None:
        """Wait until a worker decides by a revision; raises Stuck."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    said = await answers(self._settings, "card")
                    if revision in {each.revision for each in said}:
                        return
                    await asyncio.sleep(0.2)
        except TimeoutError as error:
            raise Stuck(f"no worker has answered revision {revision}") from error


async def switched(stage: Stage, rounds: int) -> None:
    """Switch, and kill one of two workers within a second and a half: it may have heard of it, switched, or decided by it."""
    operator = await asyncio.to_thread(Operator, stage)
    workers = stage.worker("a"), stage.worker("b")
    for each in workers:
        each.start()
    await stage.progress()
    for number in range(rounds):
        await operator.next()
        await stage.pause_s(0, 1.5)
        stage.kill(workers[number % 2])
        workers[number % 2].start()
        await stage.progress()
    await operator.applied(await operator.next())
    await stage.progress()


async def control_topic_lost(stage: Stage, rounds: int) -> None:
    """Delete the control topic, and kill a worker, which starts with an empty one; then it is written again, and one more release decides."""
    operator = await asyncio.to_thread(Operator, stage)
    worker = stage.worker("a")
    worker.start()
    await stage.progress()
    for _ in range(rounds):
        await operator.applied(await operator.next())
        await stage.progress()
        await operator.lose()
        await stage.pause_s(0, 1.5)
        stage.kill(worker)
        worker.start()
        await stage.progress()
        await operator.publish()
        await stage.progress()
