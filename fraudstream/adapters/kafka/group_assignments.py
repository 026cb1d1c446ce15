"""Which partitions the members of a group have, asked of the group's coordinator."""

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment

STABLE = "Stable"
"""Kafka's name for a group that is not being rebalanced."""


async def assigned_to(admin: AIOKafkaAdminClient, group: str) -> set[tuple[str, int]] | None:
    """Return topic and partition of all that the group's members have; None during a rebalance."""
    (answer,) = await admin.describe_consumer_groups([group])
    ((_, _, state, _, _, members, *_),) = answer.groups
    if state != STABLE:
        return None
    return {
        (topic, partition)
        for *_, assignment in members
        if assignment  # a member that has just joined has none
        for topic, partitions in ConsumerProtocolMemberAssignment.decode(assignment).assignment
        for partition in partitions
    }
