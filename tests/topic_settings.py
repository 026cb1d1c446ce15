"""Changing a topic's configuration while it is used, as an administrator does."""

import asyncio

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from fraudstream.adapters.kafka.admin import administration, topic_configs
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.settings import Settings

HEEDED_AFTER_S = 0.3
"""A broker shows a new configuration a moment before it acts by it."""


async def configure(settings: Settings, topic: str, **configs: str | int) -> None:
    """Give a topic these settings and no others; dots are written as underscores."""
    given = {name.replace("_", "."): str(value) for name, value in configs.items()}
    async with administration(Kafka.of(settings)) as admin:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs=given)])
        while not given.items() <= (await topic_configs(admin, [topic]))[topic].items():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await asyncio.sleep(HEEDED_AFTER_S)
