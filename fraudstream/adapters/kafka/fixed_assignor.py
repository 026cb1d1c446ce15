"""Faust's assignor, for a number of partitions that does not change while workers run."""

import json
from typing import Any, cast

from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from faust.assignor.partition_assignor import PartitionAssignor

MEMBER = "fraudstream"
"""Where it says so."""


class FixedCluster:
    """The cluster as seen by a group that was made for a fixed number of partitions."""

    def __init__(self, partitions: int) -> None:
        self._partitions = set(range(partitions))

    def partitions_for_topic(self, topic: str) -> set[int]:
        """Return the partitions to assign, whatever the brokers have now."""
        return self._partitions


class FixedAssignor(PartitionAssignor):
    """Assigns the partitions that the group was made for.

    Faust asks the brokers: it fails with an assertion if source topics have grown and the changelog has not, or if a
    topic is gone.
    """

    def metadata(self, topics: set[str]) -> ConsumerProtocolMemberMetadata:
        """Return what the group is told of this worker: beside Faust's own, what events are to it."""
        plain = super().metadata(topics)
        told = json.loads(plain.user_data) | {MEMBER: cast(Any, self.app).member._asdict()}
        return ConsumerProtocolMemberMetadata(plain.version, plain.subscription, json.dumps(told).encode())

    def _perform_assignment(self, cluster: Any, member_metadata: Any) -> Any:
        return super()._perform_assignment(FixedCluster(self.app.conf.topic_partitions), member_metadata)
