"""Checks with the broker whether the archiver keeps up; silent if there is no archiver."""

import logging
import time
from collections.abc import Iterator

from aiokafka.errors import KafkaError

from fraudstream import topics
from fraudstream.adapters.kafka.partition_logs import unread
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.errors import BrokerUnavailable, SetupError
from fraudstream.domain.problems import Problem
from fraudstream.settings import Settings

logger = logging.getLogger(__name__)

LATE_AFTER_S = 300.0
INTERVALS = 3
"""A decision is late when it has waited for LATE_AFTER_S and for this many of the archiver's rounds."""


class ArchiveWatch:
    """Counts decisions that should be in the archive and are not."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._late_after_s = max(LATE_AFTER_S, INTERVALS * settings.archive_interval_s)
        self._late = 0
        self._asked = True

    async def look(self) -> None:
        """Compare what the archivers' group has committed with the log."""
        settings = self._settings
        before_ms = int((time.time() - self._late_after_s) * 1000)
        group, topic = topics.archive_group(settings), settings.topic(topics.DECISIONS.name)
        try:
            behind = await unread(Kafka.of(settings), group, topic, before_ms)
        except (BrokerUnavailable, SetupError, KafkaError, TimeoutError) as error:
            if self._asked:
                logger.warning("the archiver's offsets could not be read from Kafka: %s", error)
            self._asked = False
            return
        self._asked = True
        # the marker that ends a transaction is never delivered, so the group's offset may stay one before the end
        markers = 1 if settings.exactly_once_outputs else 0
        self._late = sum(records for records in behind.values() if records > markers)

    def __call__(self) -> Iterator[Problem]:
        """Yield what is wrong now."""
        if self._late:
            sentence = f"{self._late:,} decisions older than {self._late_after_s / 60:.0f} minutes are not in the archive"
            yield Problem("degraded", sentence, "fraudstream archive run")
