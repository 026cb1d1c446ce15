"""What a command tries a release on: the newest decisions that workers published."""

import asyncio
import json
import logging
import time

from fraudstream import topics
from fraudstream.adapters.kafka.admin import administration, existing_topics
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.tail import following
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.releases.dry_run import EVENTS_MAX, MADE_UP, DryRun, events_of
from fraudstream.settings import Settings


def dry_run_now(settings: Settings, event_type: EventType) -> DryRun:
    """Return a dry run over the newest decisions, over a made-up one if no broker answers or there is none yet."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what does not succeed is no failure here
    try:
        decisions = asyncio.run(_decisions(settings))
    except SetupError:
        decisions = []
    events = events_of(decisions or [MADE_UP], event_type)
    return DryRun(events, settings.release_dry_run_ms, time.perf_counter)


async def _decisions(settings: Settings) -> list[dict[str, object]]:
    kafka, topic = Kafka.of(settings), settings.topic(topics.DECISIONS.name)
    async with administration(kafka) as admin:
        if topic not in await existing_topics(admin, [topic]):
            return []
    async with following(kafka, topic, settings.partitions) as tail:
        records = await tail.newest(EVENTS_MAX)
    return [json.loads(record.value) for record in records if record.value is not None][-EVENTS_MAX:]
