"""A rebalance may overtake the end of the recovery before it."""

import asyncio
from pathlib import Path

import faust
import pytest

from fraudstream.adapters.coalescing_consumer import coalesce
from fraudstream.adapters.kafka_security import Kafka
from fraudstream.adapters.publisher import Publisher
from fraudstream.tables.activity import ActivityTable


class SlowThread:
    """A consumer thread whose fetch ends when told."""

    def __init__(self) -> None:
        self.ends = asyncio.Event()

    async def getmany(self, *_: object) -> dict[object, list[object]]:
        """Fetch nothing, for a while."""
        await self.ends.wait()
        return {}


@pytest.fixture
def table(tmp_path: Path) -> ActivityTable:
    """Return a table of an app that was never started."""
    app = faust.App("overtaken", broker="kafka://localhost:1", datadir=str(tmp_path), store="rocksdb://")
    coalesce(app, ["transactions"], ["overtaken-activity-changelog"], 512)
    app.publisher = Publisher(Kafka("localhost:1"), "overtaken")
    return ActivityTable(app, lateness_horizon_ms=0, name="activity", partitions=1, stall_timeout_s=1)


async def test_the_end_of_a_recovery_does_not_stop_the_recovery_that_overtakes_it(
    table: ActivityTable,
) -> None:
    """It waits for a fetch; meanwhile Faust begins the next recovery and lets the changelog flow."""
    consumer, flow, thread = table.app.consumer, table.app.flow_control, SlowThread()
    consumer._thread = thread
    fetching = asyncio.create_task(consumer._getmany(set(), 1.0))
    await asyncio.sleep(0)
    overtaken = asyncio.create_task(table.on_recovery_completed(set(), set()))
    await asyncio.sleep(0.01)
    await table.on_rebalance(set(), set(), set(), 2)
    flow.resume()
    consumer.resume_flow()
    thread.ends.set()
    await asyncio.wait({fetching, overtaken})

    assert flow.is_active()
    assert consumer.flow_active
