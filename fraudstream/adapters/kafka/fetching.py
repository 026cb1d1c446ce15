"""The thread of a worker that fetches records: how long a fetch waits, where reading begins, what an error means."""

import logging
from collections.abc import Collection, Mapping
from typing import Any, Protocol, cast

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from fraudstream.adapters.failures import NOT_ALLOWED
from fraudstream.adapters.kafka.log_losses import LogLosses
from fraudstream.adapters.kafka.out_of_range import go_on
from fraudstream.adapters.kafka.reading_rights import may_not_read, said_in_the_group

QUIET_WAIT_MS, FEW_WAIT_MS, BUSY_WAIT_MS = 500, 50, 5
"""How long the broker keeps a fetch that finds nothing, after a fetch with no records, with few, with more; a record that
comes ends the wait, or, after more, FETCH_MIN_BYTES of them do. Faust hard-codes 1500.

An idle worker that asked every 5 ms took 6 % of a core. But a partition whose records were not taken for 0.1 s is left out of
the next fetch, and has to wait until that one ends; and what a rebalance asks for waits behind a fetch."""

FETCH_MIN_BYTES = 64 * 1024
"""Under load the broker gathers so much, or for BUSY_WAIT_MS. Faust hard-codes 1 byte: every payment is then answered by a
fetch of its own, whose cost in worker and broker delays all others. 1,000 payments a second had a p50 of 12.5 ms and a p99 of
19 ms that way, and 8.3 and 13.7 with this."""

FEW_RECORDS = 2
"""After a fetch with more records the next one gathers; otherwise the next payment is answered at once."""


class Reader(Protocol):
    """What the thread asks of the consumer that it fetches for."""

    sources: Collection[str]
    losses: LogLosses
    flow_active: bool


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """The driver's fetching thread with another long poll."""

    logger = logging.getLogger("faust.consumer")  # Faust's own messages, apart from ours

    @property
    def _reader(self) -> Reader:
        return cast(Reader, self.consumer)

    def _create_worker_consumer(self, *args: Any, **kwargs: Any) -> Any:
        consumer = super()._create_worker_consumer(*args, **kwargs)
        consumer._fetch_max_wait_ms = BUSY_WAIT_MS
        # A payment repartitioned by an aborted transaction must not be read.
        consumer._isolation_level = "read_committed"
        return said_in_the_group(consumer)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Send heartbeats to the group while partitions are opened, which may take longer than a session.

        aiokafka starts them only afterwards; Java's consumer does as here.
        """
        self._ensure_consumer()._coordinator._start_heartbeat_task()
        await super().on_partitions_assigned(assigned, generation_id)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek every partition to its committed offset, and sources without one to their beginning.

        aiokafka leaves the latter, and partitions at offset 0, where they are. Faust discards what was fetched of them
        before the seek, and it would never be read again.
        """
        committed: Mapping[TP, int] = await super().seek_to_committed()
        consumer = self._ensure_consumer()
        sources = [tp for tp in committed if tp.topic in self._reader.sources]
        if new := [tp for tp in sources if committed[tp] is None]:
            await self.call_thread(consumer.seek_to_beginning, *new)
        for tp in sources:
            if committed[tp] == 0:
                await self.call_thread(_sought, consumer, tp, 0)
        return committed

    def wait_briefly(self) -> None:
        """Let the broker keep no fetch for long from now on."""
        if self._consumer is not None and self._consumer._fetcher is not None:
            self._consumer._fetcher._fetch_max_wait_ms = BUSY_WAIT_MS

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Log nothing: Faust would report an overdue commit at the first payment after some quiet minutes.

        A real stall shows in the health, and the watchdog ends it.
        """

    async def _fetch_records(self, consumer: AIOKafkaConsumer, *args: Any, **kwargs: Any) -> Any:
        try:
            records = await super()._fetch_records(consumer, *args, **kwargs)
        except NoOffsetForPartitionError as error:  # assigned, and not sought yet
            await consumer.seek_to_beginning(*error.args)
            return {}
        except NOT_ALLOWED as error:
            may_not_read(error)
        except OffsetOutOfRangeError as error:
            reader = self._reader
            for tp, position in error.args[0].items():
                await go_on(consumer, tp, position, reader.losses if tp.topic in reader.sources else None)
            return {}
        fetched = sum(map(len, records.values()))
        many = fetched > FEW_RECORDS
        wait_ms = BUSY_WAIT_MS if many else FEW_WAIT_MS if fetched else QUIET_WAIT_MS
        fetcher = consumer._fetcher  # what it is told here counts for the fetch that leaves next
        fetcher._fetch_min_bytes = FETCH_MIN_BYTES if many else 1
        fetcher._fetch_max_wait_ms = wait_ms if self._reader.flow_active else BUSY_WAIT_MS
        return records


async def _sought(consumer: AIOKafkaConsumer, tp: TP, offset: int) -> None:
    consumer.seek(tp, offset)
