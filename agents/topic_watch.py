"""Checks every few seconds whether the topics are still as this worker needs them, because Kafka does not tell.

Partitions added since, or a deleted topic, would not show in the health of the assigned partitions.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient

from fraudstream import topics
from fraudstream.adapters.kafka.admin import administration, existing_topics, topic_configs
from fraudstream.adapters.kafka.group_assignments import assigned_to
from fraudstream.adapters.kafka.group_event_types import Member, refused_as_younger
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.topic_fit import anew, problems, remembered, undecided
from fraudstream.domain.errors import FraudstreamError
from fraudstream.domain.problems import Problem
from fraudstream.process.exits import refuse
from fraudstream.settings import Settings

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
"""Soon enough for an operator who added partitions; a few requests every five seconds are nothing to the brokers."""

Show = Callable[[Mapping[str, int]], None]
"""Called with the number of partitions of each topic that nobody decides."""


class TopicWatch:
    """Compares topics and group with the settings; a difference is a health problem and a line in the log."""

    def __init__(self, settings: Settings, show: Show, member: Member) -> None:
        self._settings = settings
        self._member = member
        self._show = show
        self._found: tuple[Problem, ...] = ()
        self._unowned: frozenset[tuple[str, int]] = frozenset()
        self._gone: frozenset[str] = frozenset()

    def __call__(self) -> Iterable[Problem]:
        """Return what the last look found."""
        return self._found

    async def run(self) -> None:
        """Look repeatedly; an unavailable broker is reported elsewhere."""
        while True:
            try:
                async with administration(Kafka.of(self._settings)) as admin:
                    while True:
                        await self._look(admin)
                        await asyncio.sleep(LOOK_EVERY_S)
            except FraudstreamError as error:
                logger.debug("the topics could not be checked: %s", error)
            except Exception:  # a failed look must not end a worker
                logger.warning("the topics could not be checked", exc_info=True)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self, admin: AIOKafkaAdminClient) -> None:
        settings, wanted = self._settings, topics.all_topics(self._settings)
        counts = {name: topic.partitions for name, topic in (await existing_topics(admin, wanted)).items()}
        found = [*problems(counts, await topic_configs(admin, counts), settings), *await self._nobodys(admin)]
        if sentence := await refused_as_younger(admin, settings.app_id, self._member):
            refuse(sentence)
        beyond = undecided(counts, settings)
        self._show({name: len(partitions) for name, partitions in beyond.items()})
        for problem in set(found) - set(self._found):
            logger.error("%s; %s", problem.sentence, problem.remedy)
        for problem in set(self._found) - set(found):
            logger.info("resolved: %s", problem.sentence)
        self._found = tuple(found)
        self._require(counts)

    def _require(self, counts: Mapping[str, int]) -> None:
        """End the process when a topic that the state is built from was gone at this look and the one before.

        Faust would consider its partitions lost and wait for others. A recreated topic is not the one remembered.
        """
        before, self._gone = self._gone, frozenset(remembered(self._settings) - counts.keys())
        for name in before & self._gone:
            refuse(f"topic {name} was deleted; {anew(self._settings, name)}")

    async def _nobodys(self, admin: AIOKafkaAdminClient) -> list[Problem]:
        """Return the partitions that no worker of the group had at this look and the one before."""
        settings = self._settings
        assigned = await assigned_to(admin, settings.app_id)
        if assigned is None:
            self._unowned = frozenset()
            return []
        wanted = {
            (name, partition) for name in topics.sources(settings) for partition in range(settings.partitions)
        }
        before, self._unowned = self._unowned, frozenset(wanted - assigned)
        return [
            Problem(
                "failing",
                f"{name}, partition {partition} is assigned to no worker of the group {settings.app_id}",
                "restart the workers, so that partitions are reassigned",
            )
            for name, partition in sorted(before & self._unowned)
        ]


def attach(app: Any, settings: Settings, watches: list[Callable[[], Iterable[Problem]]], show: Show) -> None:
    """Let a worker look at the topics for as long as it runs."""
    watch = TopicWatch(settings, show, app.member)
    watches.append(watch)
    app.task(watch.run)
