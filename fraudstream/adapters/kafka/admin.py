"""Administers Kafka: whether it answers, which topics it has, creating those we need."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    InvalidTopicError,
    KafkaError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.metadata import MetadataRequest

from fraudstream.adapters.failures import RETRY, kafka_error, of_kafka
from fraudstream.adapters.kafka.refusals import listening, nobody_answers, refusal
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.topic_fit import misfit
from fraudstream.adapters.kafka.topic_limits import Limit, limit_in, require_writable
from fraudstream.domain.errors import BrokerUnavailable, SetupError
from fraudstream.settings import Settings
from fraudstream.topics import WRITTEN_BY_OTHERS, Topic, all_topics

REQUEST_TIMEOUT_MS = 10_000
CREATE_TIMEOUT_S = 30.0
PROBE_TIMEOUT_MS = 2_000
"""How long one request waits for a broker that may still be starting; it is repeated."""
POLL_INTERVAL_S = 0.02

NOT_THERE = frozenset(
    error.errno for error in (UnknownTopicOrPartitionError, TopicAuthorizationFailedError, InvalidTopicError)
)
"""What Kafka answers about a topic that does not exist, that we may not see, or that has no name for a topic."""


@dataclass(frozen=True, slots=True)
class KafkaTopic:
    """A topic as the brokers have it; `leaders` counts the partitions that can be written now."""

    name: str
    partitions: int
    replicas: int
    leaders: int


async def ensure_topics(settings: Settings) -> list[str]:
    """Create the topics that are missing and return their names; safe to call by several workers at once.

    Raises SetupError if no broker answers, or if an existing topic does not fit. Payments are counted on their card's
    partition, and the changelog has the same partitions, so no topic may have fewer than the group was made for; a
    compacted changelog would lose payments.
    """
    wanted = all_topics(settings)
    async with administration(Kafka.of(settings)) as admin:
        found = await existing_topics(admin, wanted)
        await _check_fit(admin, found, wanted, settings)
        missing = {name: topic for name, topic in wanted.items() if name not in found}
        created = await _create(admin, missing, settings)
        # Again, for topics that another process made meanwhile and the first look did not show.
        await _check_fit(admin, await _until_known(admin, wanted), wanted, settings)
    return created


@asynccontextmanager
async def administration(
    kafka: Kafka, request_timeout_ms: int = REQUEST_TIMEOUT_MS
) -> AsyncIterator[AIOKafkaAdminClient]:
    """Connect to Kafka as an administrator; BrokerUnavailable if none answers or can, SetupError if we may not."""
    if not await listening(kafka):
        raise BrokerUnavailable(nobody_answers(kafka))
    admin = AIOKafkaAdminClient(**kafka.client, request_timeout_ms=request_timeout_ms)
    try:
        try:
            await admin.start()
        except (KafkaError, TimeoutError) as error:
            raise SetupError(await refusal(kafka)) from error
        yield admin
    except (KafkaError, TimeoutError) as error:
        asked = f"Kafka at {kafka.bootstrap} did not complete a request"
        if isinstance(error, KafkaError) and of_kafka(error) != RETRY:
            raise kafka_error(asked, error) from error
        reason = str(error) or "no answer in time"
        raise BrokerUnavailable(f"{asked} ({reason}); is it healthy?") from error
    finally:
        await admin.close()


async def existing_topics(admin: AIOKafkaAdminClient, names: Collection[str]) -> dict[str, KafkaTopic]:
    """Return those of these topics that Kafka has and lets us see.

    By name, because the metadata of all topics of a large cluster blocks the event loop: 16 ms for 2,276 partitions. Brokers
    with auto.create.topics.enable would create the topics asked about, so the request forbids it.
    """
    answers = await admin._send_request(MetadataRequest(list(names), allow_auto_topic_creation=False))
    return {
        answer["topic"]: KafkaTopic(
            name=answer["topic"],
            partitions=len(answer["partitions"]),
            replicas=min((len(part["replicas"]) for part in answer["partitions"]), default=0),
            leaders=sum(part["leader"] >= 0 for part in answer["partitions"]),
        )
        for answer in answers.to_object()["topics"]
        if answer["error_code"] not in NOT_THERE
    }


async def topic_configs(admin: AIOKafkaAdminClient, names: Collection[str]) -> dict[str, dict[str, str]]:
    """Return the configuration of topics that exist, by topic name.

    Any broker may answer; if it does not know a topic yet, we ask again.
    """
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    if not resources:
        return {}
    deadline = time.monotonic() + CREATE_TIMEOUT_S
    while True:
        described = [each for answer in await admin.describe_configs(resources) for each in answer.resources]
        unheard_of = any(code == UnknownTopicOrPartitionError.errno for code, *_ in described)
        if not unheard_of or time.monotonic() > deadline:
            break
        await asyncio.sleep(POLL_INTERVAL_S)
    for code, message, _kind, name, _entries in described:
        if code:
            raise SetupError(
                f"Kafka does not show the configuration of topic {name}: {message or for_code(code).description}; "
                "grant rights with: fraudstream topics acl"
            )
    return {name: {entry[0]: entry[1] for entry in entries} for *_, name, entries in described}


async def limits_of(kafka: Kafka, names: Collection[str]) -> dict[str, Limit]:
    """Return the topics' size limits; raises SetupError if one cannot be written, BrokerUnavailable if no broker answers."""
    async with administration(kafka) as admin:
        existing = await existing_topics(admin, names)
        configs = await topic_configs(admin, existing)
    for name, config in configs.items():
        require_writable(name, existing[name].replicas, config)
    return {name: limit_in(config) for name, config in configs.items()}


async def _check_fit(
    admin: AIOKafkaAdminClient,
    existing: Mapping[str, KafkaTopic],
    wanted: Mapping[str, Topic],
    settings: Settings,
) -> None:
    """Raise SetupError if one of our topics exists and cannot be used as it is."""
    ours = {name: existing[name].partitions for name in wanted if name in existing}
    configs = await topic_configs(admin, ours)
    if sentence := misfit(ours, configs, settings):
        raise SetupError(sentence)
    for name in ours:
        if wanted[name] not in WRITTEN_BY_OTHERS:
            require_writable(name, existing[name].replicas, configs[name])


async def _create(admin: AIOKafkaAdminClient, topics: Mapping[str, Topic], settings: Settings) -> list[str]:
    """Create topics; those another process made in the meantime are left out of the answer."""
    if not topics:
        return []
    requests = [
        NewTopic(name, settings.partitions, settings.replication, topic_configs=topic.configs())
        for name, topic in topics.items()
    ]
    answer = await admin.create_topics(requests)
    created = []
    for name, code, message in answer.topic_errors:
        if code == 0:
            created.append(name)
        elif code != TopicAlreadyExistsError.errno:
            what = f"Kafka refuses to create topic {name}: {message or f'error {code}'}"
            later = of_kafka(for_code(code)()) == RETRY
            raise BrokerUnavailable(what) if later else SetupError(what)
    return created


async def _until_known(admin: AIOKafkaAdminClient, wanted: Collection[str]) -> dict[str, KafkaTopic]:
    """Wait until the brokers' metadata shows every topic with a leader for every partition, and return it."""
    try:
        async with asyncio.timeout(CREATE_TIMEOUT_S):
            while True:
                known = await existing_topics(admin, wanted)
                if all(name in known and known[name].leaders == known[name].partitions for name in wanted):
                    return known
                await asyncio.sleep(POLL_INTERVAL_S)
    except TimeoutError as error:
        raise BrokerUnavailable(
            f"Kafka created the topics but has no leader for them after {CREATE_TIMEOUT_S:g} s; are all brokers up?"
        ) from error


async def until_ready(kafka: Kafka, cluster_id: str, timeout_s: float, alive: Callable[[], bool]) -> bool:
    """Wait until a broker of this cluster answers; False once `alive` says no or time is up.

    Another program's broker may have taken the port that was chosen for ours.
    """
    try:
        async with asyncio.timeout(timeout_s):
            while alive():
                if await answering_cluster(kafka, PROBE_TIMEOUT_MS) == cluster_id:
                    return True
                await asyncio.sleep(POLL_INTERVAL_S)
    except TimeoutError:
        return False
    return False


async def answers(kafka: Kafka) -> bool:
    """Tell whether a broker answers and the cluster has one that takes requests."""
    return await answering_cluster(kafka, REQUEST_TIMEOUT_MS) is not None


async def answering_cluster(kafka: Kafka, request_timeout_ms: int) -> str | None:
    """Return the id of the cluster that answers, None if none does or it has no broker that takes requests."""
    try:
        async with administration(kafka, request_timeout_ms) as admin:
            cluster = await admin.describe_cluster()
    except SetupError:
        return None
    return str(cluster["cluster_id"]) if cluster["brokers"] else None
