"""Reads dead letters from their topic."""

import re
from collections.abc import Sequence

from fraudstream import topics
from fraudstream.adapters.kafka.admin import administration, existing_topics
from fraudstream.adapters.kafka.browsing import browsing
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.dead_letters.letters import Letter, read
from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings

NEWEST_MAX = 2_000
"""So many are looked at: counts and filters are of these."""

ID = re.compile(r"(\d{1,9})-(\d{1,18})")


async def newest_letters(settings: Settings, count: int = NEWEST_MAX) -> list[Letter]:
    """Return the newest dead letters, the newest first; raises SetupError or BrokerUnavailable."""
    kafka, topic = Kafka.of(settings), settings.topic(topics.DEAD_LETTERS.name)
    async with administration(kafka) as admin:
        found = await existing_topics(admin, [topic])
    if topic not in found:
        raise SetupError(f"there is no topic {topic}; make the topics with: fraudstream topics create")
    async with browsing(kafka) as browser:
        records = await browser.newest(topic, range(found[topic].partitions), count)
    return [read(record) for record in records]


async def letters_named(settings: Settings, ids: Sequence[str]) -> list[Letter]:
    """Return the dead letters with these ids; raises SetupError if there is none of that id (any more)."""
    topic, letters = settings.topic(topics.DEAD_LETTERS.name), []
    async with browsing(Kafka.of(settings)) as browser:
        for letter_id in ids:
            place = ID.fullmatch(letter_id)
            record = await browser.at(topic, int(place[1]), int(place[2])) if place else None
            if record is None:
                raise SetupError(
                    "there is no such dead letter (any more); an id is partition-offset, such as 3-1042"
                )
            letters.append(read(record))
    return letters
