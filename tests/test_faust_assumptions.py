"""Learning tests: what we rely on inside Faust and aiokafka. If one fails, read decision records 5 and 6 again."""

import asyncio
import inspect
from pathlib import Path

import aiokafka
import faust
import pytest
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from faust.stores import rocksdb
from faust.tables.recovery import Recovery
from faust.transport import consumer as consumers
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from fraudstream.adapters.kafka.coalescing_consumer import CoalescingConsumer, coalesce
from fraudstream.adapters.kafka.log_losses import LogLosses
from fraudstream.domain.windows.velocity import CARD_WINDOWS
from fraudstream.tables.activity import ActivityTable
from fraudstream.tables.activity_store import OPTIONS
from tests.fakes import SlowThread

TRANSACTIONS = TP("transactions", 0)


@pytest.fixture
def app(tmp_path: Path) -> faust.App:
    """Return an app that was never started, with our consumer."""
    app = faust.App("assumptions", broker="kafka://localhost:1", datadir=str(tmp_path), store="rocksdb://")
    coalesce(app, [TRANSACTIONS.topic], ["assumptions-activity-changelog"], 2, LogLosses())
    return app


def record(offset: int) -> aiokafka.ConsumerRecord[bytes, bytes]:
    """Return a record as aiokafka fetches it."""
    return aiokafka.ConsumerRecord("transactions", 0, offset, 1_000, 0, None, b"x", None, 0, 1, ())


def message(app: faust.App, offset: int) -> ConsumerMessage:
    """Return a chunk that ends at this offset, as Faust delivers it."""
    consumer = app.consumer
    assert isinstance(consumer, CoalescingConsumer)
    return consumer._to_message(TRANSACTIONS, [record(offset - 1), record(offset)])


def test_the_transport_is_ours_and_faust_asks_it_for_the_consumer(app: faust.App) -> None:
    """`app.transport` is a public setter."""
    assert isinstance(app.consumer, CoalescingConsumer)


def test_quiet_minutes_are_no_error(app: faust.App, caplog: pytest.LogCaptureFixture) -> None:
    """Faust asks this regularly; its own answer logs an error at the first payment after them."""
    app.consumer.verify_event_path(1e9, TRANSACTIONS)

    assert [] == caplog.records
    assert "self._thread.verify_event_path(" in inspect.getsource(driver.Consumer.verify_event_path)


def test_a_chunk_is_one_message_with_the_last_offset(app: faust.App) -> None:
    """Commits and recovery look at the offset only."""
    chunk = message(app, 7)

    assert 7 == chunk.offset
    assert [6, 7] == [part.offset for part in chunk.value]


def test_the_committed_offset_is_the_one_after_the_last_acknowledged_chunk(app: faust.App) -> None:
    """Faust's own rule would wait for offsets that were never messages."""
    consumer = app.consumer
    consumer._acked[TRANSACTIONS] = [511, 1023]

    assert 1024 == consumer._new_offset(TRANSACTIONS)
    assert consumer._new_offset(TRANSACTIONS) is None


def test_the_hooks_we_override_are_still_called() -> None:
    """Each is a method of Faust's consumer that its drain loop or its commit uses."""
    assert "_wait_next_records" in inspect.getsource(consumers.Consumer.getmany)
    assert "wait_first(" in inspect.getsource(consumers.Consumer._drain_messages)
    assert "_add_gap" in inspect.getsource(consumers.Consumer._drain_messages)
    assert "_new_offset" in inspect.getsource(consumers.Consumer._filter_committable_offsets)
    assert "_new_consumer_thread" in inspect.getsource(consumers.ThreadDelegateConsumer.__init__)
    assert "self._commit_offsets(" in inspect.getsource(consumers.Consumer._commit_tps)
    assert "self._thread.on_partitions_assigned(" in inspect.getsource(driver.ConsumerRebalanceListener)
    assert "self._try_open_db_for_partition(" in inspect.getsource(rocksdb.Store.assign_partitions)


def test_heartbeats_still_begin_after_the_assignment_and_may_begin_before() -> None:
    """Ours do, as opening the partitions takes a while; to begin them twice does nothing."""
    joining = inspect.getsource(GroupCoordinator.ensure_active_group)

    assert joining.index("_do_rejoin_group") < joining.index("_start_heartbeat_task")
    assert "if self._heartbeat_task is None:" in inspect.getsource(GroupCoordinator._start_heartbeat_task)


async def test_a_delivery_that_does_not_block_is_not_raced(app: faust.App) -> None:
    """Four tasks a message are saved; what was delivered is delivered."""
    delivered: list[int] = []

    async def deliver() -> None:
        delivered.append(1)

    tasks_before = len(asyncio.all_tasks())
    result = await app.consumer.wait_first(deliver(), asyncio.Event().wait())

    assert [1] == delivered
    assert not result.stopped
    assert tasks_before == len(asyncio.all_tasks())


async def test_a_delivery_that_blocks_goes_on_when_there_is_room(app: faust.App) -> None:
    """A delivery that was started without a task is finished as Faust's own."""
    room = asyncio.Event()
    delivered: list[int] = []

    async def deliver() -> None:
        await room.wait()
        delivered.append(1)

    asyncio.get_running_loop().call_later(0.01, room.set)
    await app.consumer.wait_first(deliver(), asyncio.Event().wait())

    assert [1] == delivered


async def test_a_delivery_that_blocks_is_given_up_at_a_rebalance(app: faust.App) -> None:
    """And gets the chance to release what it holds."""
    suspended = asyncio.Event()
    ends: list[str] = []

    async def deliver() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("released")

    asyncio.get_running_loop().call_later(0.01, suspended.set)
    await app.consumer.wait_first(deliver(), suspended.wait())
    await asyncio.sleep(0.01)

    assert ["released"] == ends


def test_fausts_long_poll_is_still_hard_coded_and_ours_reaches_aiokafka() -> None:
    """If Faust makes it a setting, ours should use it."""
    assert "fetch_max_wait_ms=1500" in inspect.getsource(
        driver.AIOKafkaConsumerThread._create_worker_consumer
    )
    assert "fetch_max_wait_ms=self._fetch_max_wait_ms" in inspect.getsource(aiokafka.AIOKafkaConsumer.start)


def test_aiokafka_looks_at_its_waits_for_every_fetch() -> None:
    """Ours change while the consumer runs."""
    source = inspect.getsource(Fetcher._get_actions_per_node)

    assert (
        "FetchRequest(\n                self._fetch_max_wait_ms,\n                self._fetch_min_bytes,"
        in source
    )


def test_recovery_still_seeks_after_it_has_resumed_the_partitions() -> None:
    """Because of this order, `on_recovery_completed` must stop the flow."""
    source = inspect.getsource(Recovery.on_recovery_completed)

    assert (
        source.index("table.on_recovery_completed")
        < source.index("consumer.resume_partitions")
        < source.index("consumer.perform_seek")
        < source.index("flow_control.resume")
    )


async def test_a_halted_consumer_has_no_fetch_under_way(app: faust.App) -> None:
    """What a fetch brings after the seek and before the resume would be lost."""
    consumer, thread = app.consumer, SlowThread()
    consumer._thread = thread
    consumer.resume_flow()
    fetching = asyncio.create_task(consumer._getmany({TRANSACTIONS}, 1.0))
    await asyncio.sleep(0)
    halting = asyncio.create_task(consumer.halt())
    await asyncio.wait({halting}, timeout=0.05)

    assert not consumer.flow_active
    assert not halting.done()

    thread.ends.set()
    await asyncio.gather(fetching, halting)


class LateThread:
    """A consumer thread whose commits come after a rebalance, or in time."""

    def __init__(self, in_time: bool) -> None:
        self.in_time = in_time
        self.commits = 0

    async def commit(self, _: object) -> bool:
        """Tell whether it was in time."""
        self.commits += 1
        return self.in_time

    async def seek_to_committed(self) -> dict[TP, int | None]:
        """Return what the group has."""
        return {TRANSACTIONS: 7}


async def test_only_what_the_group_has_is_committed(app: faust.App) -> None:
    """A replay begins there, so nothing may expire that was decided since; Faust notes also what it failed to commit."""
    consumer = app.consumer
    consumer._thread = LateThread(in_time=True)
    await consumer._commit({TRANSACTIONS: 9})
    consumer._thread = LateThread(in_time=False)
    await consumer._commit({TRANSACTIONS: 12})

    assert 9 == consumer.committed_offset(TRANSACTIONS)

    await consumer.perform_seek()

    assert 7 == consumer.committed_offset(TRANSACTIONS)


async def test_offsets_that_transactions_commit_are_not_committed_again(app: faust.App) -> None:
    """A commit that is under way while the next transaction ends would put the group's offset back behind it."""
    consumer, thread = app.consumer, LateThread(in_time=True)
    consumer._thread = thread
    consumer.offsets_in_transactions = True

    assert await consumer._commit({TRANSACTIONS: 9})
    assert 0 == thread.commits
    assert 9 == consumer.committed_offset(TRANSACTIONS)


def test_faust_still_throws_away_what_it_fetched_while_the_flow_is_stopped() -> None:
    """And its own guard still never waits, as nobody clears its event."""
    assert "if self.flow_active:" in inspect.getsource(consumers.Consumer.getmany)
    assert "not_waiting_next_records.clear()" not in inspect.getsource(consumers)


def test_recovery_still_swallows_errors_of_the_store() -> None:
    """Therefore our store must end the process itself."""
    source = inspect.getsource(Recovery._slurp_changelogs.fun)

    assert "except Exception" in source
    assert "Error in recovery" in source


def test_the_store_still_takes_entries_out_of_the_options_it_is_given(app: faust.App) -> None:
    """Which is why the table hands it a copy."""
    table = ActivityTable(
        app, allowed_lateness_ms=0, name="activity", partitions=1, stall_timeout_s=1, windows=CARD_WINDOWS
    )

    assert "driver" not in table.store.options
    assert "driver" in OPTIONS


def test_the_changelog_is_deleted_by_age_and_never_compacted(app: faust.App) -> None:
    """Compaction would delete deltas."""
    topic = ActivityTable(
        app, allowed_lateness_ms=0, name="activity", partitions=1, stall_timeout_s=1, windows=CARD_WINDOWS
    ).changelog_topic

    assert (False, True) == (topic.compacting, topic.deleting)
    assert "assumptions-activity-changelog" == topic.get_topic_name()


def test_partitions_without_a_committed_offset_are_not_sought(app: faust.App) -> None:
    """Ours seeks them to the beginning: what was fetched of them before the seek is thrown away."""
    assert "if offset and offset > 0:" in inspect.getsource(aiokafka.AIOKafkaConsumer.seek_to_committed)
    assert "self._thread.seek_to_committed()" in inspect.getsource(
        consumers.ThreadDelegateConsumer.seek_to_committed
    )
