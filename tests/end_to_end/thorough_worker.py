"""A real worker that takes long to check its state, as with tens of millions of cards; run in its own process.

With the argument `silent` it sends no heartbeats meanwhile, as if it were frozen, nor before its first commit.
"""

import sys
import time
from typing import Any

from aiokafka.consumer.group_coordinator import GroupCoordinator
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread

from fraudstream.adapters.kafka.fetching import ConsumerThread
from fraudstream.domain.windows.entries import Layout
from fraudstream.tables import activity_scrub
from tests.builders import CountingModel
from tests.end_to_end import counting_worker

LOOK_S = 2.0
"""For one partition; four of them take longer than a session, 6 s."""

begin_heartbeats = GroupCoordinator._start_heartbeat_task


def begin_when_heard_of_again(coordinator: Any) -> None:
    """Begin heartbeats only once it joined a second time; otherwise a heartbeat would be refused before the commit is."""
    if coordinator.generation > 1:
        begin_heartbeats(coordinator)


def main() -> None:
    """Check before every partition is opened, and run."""
    examine = activity_scrub.examine

    def thoroughly(database: Any, layout: Layout) -> None:
        time.sleep(LOOK_S)
        examine(database, layout)

    activity_scrub.examine = thoroughly
    if "silent" in sys.argv:
        ConsumerThread.on_partitions_assigned = AIOKafkaConsumerThread.on_partitions_assigned  # type: ignore[method-assign]
        GroupCoordinator._start_heartbeat_task = begin_when_heard_of_again
    counting_worker.run(CountingModel())


if __name__ == "__main__":
    main()
