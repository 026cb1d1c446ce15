"""Whether all workers of a group read events by the same declaration; what they have of it is told when they join."""

import asyncio
import json
import logging
import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from aiokafka.errors import GroupCoordinatorNotAvailableError

from fraudstream.adapters.kafka.admin import administration
from fraudstream.adapters.kafka.fixed_assignor import MEMBER
from fraudstream.adapters.kafka.group_assignments import STABLE
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.events.fingerprint import differing, fingerprint
from fraudstream.process.exits import refuse
from fraudstream.settings import Settings

logger = logging.getLogger(__name__)

ASK_EVERY_S = 0.5
PATIENCE_S = 3.0
"""How much longer than its session a dead worker may be a member."""


class Member(NamedTuple):
    """A worker as its group knows it."""

    event_type: str
    declared: Mapping[str, str]
    """The fingerprint of what it read."""
    since_ms: int
    """When it started, epoch milliseconds."""

    @property
    def order(self) -> tuple[int, list[tuple[str, str]]]:
        """Who was first."""
        return self.since_ms, sorted(self.declared.items())

    @classmethod
    def of(cls, event_type: EventType) -> "Member":
        """Return a worker that starts now."""
        return cls(event_type.name, fingerprint(event_type), time.time_ns() // 1_000_000)


async def require_same_event_type(settings: Settings, own: Member) -> None:
    """End the process if the group's members run with another declaration.

    One that was killed is a member until its session ends, so those that differ are waited for.
    """
    deadline = time.monotonic() + settings.session_timeout_s + PATIENCE_S
    async with administration(Kafka.of(settings)) as admin:
        others = await _others(admin, settings.app_id, own)
        if others:
            logger.info(
                "waiting until workers with another declaration of the event type have left the group"
            )
        while others and time.monotonic() < deadline:
            await asyncio.sleep(ASK_EVERY_S)
            others = await _others(admin, settings.app_id, own)
    if others:
        refuse(_sentence(settings.app_id, own, others.items()))


async def refused_as_younger(admin: AIOKafkaAdminClient, group: str, own: Member) -> str | None:
    """Say why this worker must end: it joined while the group was being rebalanced, and older members differ."""
    others = await _others(admin, group, own)
    older = [(host, member) for host, member in others.items() if member.order < own.order]
    return _sentence(group, own, older) if older else None


async def _others(admin: AIOKafkaAdminClient, group: str, own: Member) -> dict[str, Member]:
    """Return the members with another declaration, by host and id; none during a rebalance, when Kafka does not tell."""
    try:
        (answer,) = await admin.describe_consumer_groups([group])
    except GroupCoordinatorNotAvailableError:
        return {}  # a cluster without any group yet
    ((_, _, state, _, _, members, *_),) = answer.groups
    if state != STABLE:
        return {}
    found = {}
    for member in members:
        member_id, host, metadata = member[0], member[-3], member[-2]
        user_data = ConsumerProtocolMemberMetadata.decode(metadata).user_data
        told = json.loads(user_data).get(MEMBER) if user_data else None
        if told is None:
            continue  # of an earlier release, or no worker
        other = Member(**told)
        if differing(own.declared, other.declared):
            found[f"{host.lstrip('/')} ({member_id})"] = other
    return found


def _sentence(group: str, own: Member, others: Iterable[tuple[str, Member]]) -> str:
    said = [
        f"{host} runs with {member.event_type}, which differs in {', '.join(differing(own.declared, member.declared))}"
        for host, member in others
    ]
    return (
        f"the event type {own.event_type} was changed, and workers of the group {group} run with another declaration: "
        f"{'; '.join(said)}; stop them all first, then start all with the new file"
    )
