"""A rebalance may begin before a recovery has ended."""

import asyncio
from pathlib import Path

from faust.types import TP, StreamT

from fraudstream.adapters.kafka.publisher import Publisher
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.tables.recovery import TableManager
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


async def test_a_recovery_that_a_rebalance_interrupted_does_not_end(tmp_path: Path) -> None:
    """What was left to read is forgotten before the next recovery asks again; then nothing seems left."""
    table = table_in(tmp_path)
    finished = list[set[TP]]()

    async def on_recovery_completed(active_tps: set[TP], standby_tps: set[TP]) -> None:
        finished.append(active_tps)

    table.on_recovery_completed = on_recovery_completed  # type: ignore[method-assign]
    tables = TableManager(table.app)
    tables.add(table)
    table.app.consumer_generation_id = 2
    await tables.recovery.on_recovery_completed(1)

    assert [] == finished
    assert not tables.recovery.completed.is_set()


async def test_tables_wait_for_agents_to_read_not_for_a_second(tmp_path: Path) -> None:
    """The worker joins its group when tables are ready; what nobody reads by then would be read 45 s later."""
    app = table_in(tmp_path).app
    app.consumer._thread = SlowThread()

    @app.agent(app.topic("transactions"))
    async def reading(stream: StreamT[bytes]) -> None:
        async for _ in stream:
            pass

    tables = TableManager(app)
    starting = asyncio.create_task(tables.on_start())
    for _ in range(10):
        await asyncio.sleep(0)
    begun_before = tables._tables_registered.is_set()
    app.topics.add(app.topic("transactions"))
    await starting
    await tables.recovery.stop()

    assert not begun_before
    assert tables._tables_registered.is_set()
