"""Faust's assignor, for a number of partitions that does not change while workers run."""

from typing import Any

from faust.assignor.partition_assignor import PartitionAssignor


class FixedCluster:
    """A cluster as a group sees it that was made for so many partitions."""

    def __init__(self, partitions: int) -> None:
        self._partitions = set(range(partitions))

    def partitions_for_topic(self, topic: str) -> set[int]:
        """Return the partitions to assign, whatever the brokers have by now."""
        return self._partitions


class FixedAssignor(PartitionAssignor):
    """Assigns the partitions that the group was made for.

    Faust goes by what the brokers have: source topics that have grown, and a changelog that has not, end it with an
    assertion, and so does a topic that is gone.
    """

    def _perform_assignment(self, cluster: Any, member_metadata: Any) -> Any:
        return super()._perform_assignment(FixedCluster(self.app.conf.topic_partitions), member_metadata)
