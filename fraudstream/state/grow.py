"""Grows a group to more partitions and keeps every card's ten minutes.

A note (a record whose key is `growing=`) is written to the changelog first and replaced last. While it is there no worker
starts, and another run reads from it what to finish; every step in between can be repeated. A partition's old changelog
records stay in it, before a record that voids them, until retention removes them.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.errors import for_code

from fraudstream import topics
from fraudstream.adapters.kafka.admin import (
    CREATE_TIMEOUT_S,
    POLL_INTERVAL_S,
    administration,
    ensure_topics,
    existing_topics,
)
from fraudstream.adapters.kafka.partition_logs import partition_logs
from fraudstream.adapters.kafka.publisher import Message, Outbox, Publisher
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.errors import SetupError
from fraudstream.domain.windows.entries import Layout
from fraudstream.settings import Settings
from fraudstream.state.moving import Moved, moved
from fraudstream.state.rebuild import DELTAS_PER_RECORD
from fraudstream.state.source import windows_of
from fraudstream.state.verify import require_stopped
from fraudstream.tables.changelog_keys import begin, growing, made_for, said
from fraudstream.tables.changelog_plans import plans_headers

Advance = Callable[[str, int], None]
"""Called after each step with its kind and how many steps of that kind there are."""


class Plan(NamedTuple):
    """What is to be done."""

    before: int
    """How many partitions the group has now."""
    after: int
    topics: dict[str, int]
    """Topics with too few partitions, and how many each has (0: the topic is missing)."""
    noted: bool
    """Whether an earlier run wrote the note and was interrupted."""

    @property
    def nothing(self) -> bool:
        """Tell whether everything is as wanted."""
        return self.before == self.after and not self.topics


class Grown(NamedTuple):
    """What was done."""

    before: int
    after: int
    topics: list[str]
    entries: int
    undecided: int
    unknown: int


async def planned(settings: Settings, after: int) -> Plan:
    """Compare topics and state with the aim; raises SetupError if workers are running or partitions would have to go."""
    await require_stopped(settings)
    async with administration(Kafka.of(settings)) as admin:
        counts = await _counts(admin, settings)
    widest = max(counts.values())
    if widest > after:
        name = max(counts, key=lambda topic: counts[topic])
        raise SetupError(
            f"topic {name} has {widest} partitions, and Kafka cannot remove any; run: fraudstream topics grow {widest}"
        )
    found = await _found(settings, counts)
    before, aim = found or (settings.partitions, settings.partitions)
    if before not in (aim, after) and aim != after:
        raise SetupError(
            f"growing to {aim} partitions was interrupted; finish it with: fraudstream topics grow {aim}"
        )
    if before > after:
        raise SetupError(f"the group was made for {before} partitions; it can grow, not shrink to {after}")
    return Plan(
        before, after, {name: count for name, count in counts.items() if count < after}, before != aim
    )


async def _counts(admin: AIOKafkaAdminClient, settings: Settings) -> dict[str, int]:
    """Return how many partitions each of our topics has, 0 if it is missing."""
    wanted = topics.all_topics(settings)
    existing = await existing_topics(admin, wanted)
    return {name: existing[name].partitions if name in existing else 0 for name in wanted}


async def _found(settings: Settings, counts: Mapping[str, int]) -> tuple[int, int] | None:
    """Return the number of partitions of the changelog's state and the number it is growing to; None without state.

    A worker writes a record to every partition it is assigned, so partitions without any were added by others.
    """
    log = topics.changelog(settings).name
    async with partition_logs(Kafka.of(settings), settings.app_id) as logs:
        if counts[log] and (found := said(await logs.last_key(log, 0))):
            return found
        for partition in reversed(range(counts[log])):
            if (await logs.span(log, partition)).end:
                return partition + 1, partition + 1
    return None


async def grow(settings: Settings, plan: Plan, advance: Advance = lambda _what, _of: None) -> Grown:
    """Carry out a plan. It may be interrupted anywhere, and finished with a new plan."""
    before, after = (
        settings.model_copy(update={"partitions": number}) for number in (plan.before, plan.after)
    )
    log = topics.changelog(settings).name
    moving, note = (
        plan.before != plan.after,
        Message(growing(plan.before, plan.after, windows_of(settings).layout), b""),
    )
    result = Moved({}, 0, 0)
    if moving and not plan.noted and plan.topics.get(log) != 0:
        async with _publisher(settings) as publisher:
            await _write(publisher, log, 0, [note])
    await _add_partitions(settings, plan)
    await ensure_topics(after)
    if moving:
        await require_stopped(settings)
        async with partition_logs(Kafka.of(settings), settings.app_id) as logs:
            result = await moved(logs, before, plan.after, lambda: advance("reading", plan.before))
        async with _publisher(settings) as publisher:  # a new one knows the new partitions
            await _publish(publisher, log, plan, windows_of(settings).layout, result, advance)
    entries = sum(map(len, result.deltas.values()))
    return Grown(plan.before, plan.after, list(plan.topics), entries, result.undecided, result.unknown)


def _publisher(settings: Settings) -> Publisher:
    return Publisher(Kafka.of(settings), f"{settings.app_id}-grow")


async def _add_partitions(settings: Settings, plan: Plan) -> None:
    """Add the partitions that existing topics lack, and wait until the brokers know them."""
    lacking = {name: count for name, count in plan.topics.items() if count}
    if not lacking:
        return
    async with administration(Kafka.of(settings)) as admin:
        answer = await admin.create_partitions({name: NewPartitions(plan.after) for name in lacking})
        counts = await _counts(admin, settings)
        for name, code, message in answer.topic_errors:
            if code and counts[name] < plan.after:
                raise SetupError(
                    f"Kafka refuses to add partitions to topic {name}: {message or for_code(code).description}"
                )
        async with asyncio.timeout(CREATE_TIMEOUT_S):
            while min(counts[name] for name in lacking) < plan.after:
                await asyncio.sleep(POLL_INTERVAL_S)
                counts = await _counts(admin, settings)


async def _publish(
    publisher: Publisher, log: str, plan: Plan, layout: Layout, result: Moved, advance: Advance
) -> None:
    """Write the new state, partition 0 last, and replace the note."""
    note = growing(plan.before, plan.after, layout)
    for partition in (*range(1, plan.after), 0):
        deltas = result.deltas[partition]
        records = [Message(begin(plan.after, layout), b"", headers=plans_headers(result.plans))]
        records += [
            Message(note, deltas[start : start + DELTAS_PER_RECORD].tobytes())
            for start in range(0, len(deltas), DELTAS_PER_RECORD)
        ]
        await _write(publisher, log, partition, records)
        advance("writing", plan.after)
    await _write(publisher, log, 0, [Message(made_for(plan.after, layout), b"")])


async def _write(publisher: Publisher, topic: str, partition: int, messages: Sequence[Message]) -> None:
    """Write records and wait until the brokers have them."""
    outbox = Outbox()
    outbox.extend(topic, partition, messages)
    await publisher.publish(outbox)
