"""A rebalance may overtake the end of the recovery before it."""

import asyncio
from pathlib import Path

from fraudstream.adapters.kafka_security import Kafka
from fraudstream.adapters.publisher import Publisher
from tests.fakes import SlowThread
from tests.tables.test_activity import table_in


async def test_the_end_of_a_recovery_does_not_stop_the_recovery_that_overtakes_it(tmp_path: Path) -> None:
    """It waits for a fetch; meanwhile Faust begins the next recovery and lets the changelog flow."""
    table = table_in(tmp_path)
    table.app.publisher = Publisher(Kafka("localhost:1"), "overtaken")
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
