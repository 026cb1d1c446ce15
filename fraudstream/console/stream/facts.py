"""What the brokers say of our topics: how much is in them, how fast they grow, and how far readers are behind."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupAuthorizationFailedError, GroupCoordinatorNotAvailableError
from aiokafka.structs import TopicPartition

from fraudstream import topics
from fraudstream.adapters.kafka.admin import administration, existing_topics, topic_configs
from fraudstream.adapters.kafka.browsing import browsing
from fraudstream.adapters.kafka.log_dirs import sizes
from fraudstream.adapters.kafka.partition_logs import Span
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.settings import Settings
from fraudstream.topics import Topic

RATE_S = 60
"""The rate is that of the last minute."""


@dataclass(frozen=True, slots=True)
class Behind:
    """How far a group of readers is behind."""

    readers: str
    records: int


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """One topic; what the brokers do not say is None."""

    name: str
    declared: Topic
    spans: Mapping[int, Span]
    """By partition; empty if the topic does not exist."""
    per_s: float | None = None
    bytes: int | None = None
    retention_ms: int | None = None
    """None: for ever."""
    compacted: bool = False
    behind: tuple[Behind, ...] = ()

    @property
    def records(self) -> int:
        """How many offsets there are, an upper bound of the records."""
        return sum(span.end - span.begin for span in self.spans.values())


def groups(settings: Settings) -> dict[str, str]:
    """Return the consumer groups whose offsets say how far somebody is, and who that is."""
    return {
        settings.app_id: "workers",
        topics.archive_group(settings): "archiver",
        topics.console_group(settings): "console",
    }


async def facts_of(settings: Settings) -> list[TopicFacts]:
    """Return what is known of every topic of ours, in the order of their declaration; raises SetupError, BrokerUnavailable."""
    kafka, declared = Kafka.of(settings), topics.all_topics(settings)
    async with administration(kafka) as admin:
        counts = {name: topic.partitions for name, topic in (await existing_topics(admin, declared)).items()}
        configs = await topic_configs(admin, counts)
        taken = await sizes(admin, counts)
        committed = await _committed(admin, settings)
    since_ms = round((time.time() - RATE_S) * 1000)
    found = []
    async with browsing(kafka) as browser:
        for name, topic in declared.items():
            partitions = range(counts.get(name, 0))
            spans = await browser.spans(name, partitions) if partitions else {}
            starts = await browser.offsets_at(name, partitions, since_ms) if partitions else {}
            new = sum(spans[each].end - at for each, at in starts.items() if at is not None)
            config = configs.get(name, {})
            kept_ms = int(config.get("retention.ms", -1))
            compacted = "compact" in config.get("cleanup.policy", "")
            behind = tuple(
                Behind(readers, lag)
                for group, readers in groups(settings).items()
                if (lag := _behind(name, spans, committed[group])) is not None
            )
            found.append(
                TopicFacts(
                    name,
                    topic,
                    spans,
                    new / RATE_S,
                    taken.get(name),
                    None if compacted or kept_ms < 0 else kept_ms,
                    compacted,
                    behind,
                )
            )
    return found


async def _committed(admin: AIOKafkaAdminClient, settings: Settings) -> dict[str, dict[TopicPartition, int]]:
    """Return what groups have committed; nothing where the brokers do not say it, for lack of rights or before the first commit of all."""
    found: dict[str, dict[TopicPartition, int]] = {}
    for group in groups(settings):
        try:
            offsets = await admin.list_consumer_group_offsets(group)
        except (GroupAuthorizationFailedError, GroupCoordinatorNotAvailableError):
            offsets = {}
        found[group] = {place: at.offset for place, at in offsets.items() if at.offset >= 0}
    return found


def _behind(name: str, spans: Mapping[int, Span], committed: Mapping[TopicPartition, int]) -> int | None:
    """Return how many records a group has not read; None if it does not read the topic."""
    here = {place.partition: at for place, at in committed.items() if place.topic == name}
    if not here:
        return None
    ends = ((span.end, here.get(partition, span.begin)) for partition, span in spans.items())
    return sum(max(0, end - at) for end, at in ends)
