"""Runs a sender from start to end: connects, sends, closes; stops in order on a signal."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterator

from fraudstream import topics
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.adapters.kafka.publisher import Publisher
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.settings import Settings
from fraudstream.traffic.encoder import EncodedBatch
from fraudstream.traffic.progress import shown
from fraudstream.traffic.sender import Sender, send_all
from fraudstream.traffic.tally import Tally

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def stopped_by_signals(told: Callable[[], None] = lambda: None) -> Iterator[asyncio.Event]:
    """Yield an event that Ctrl-C, SIGTERM or a closed terminal sets; call inside a running event loop.

    `told` is called with the first signal.
    """
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def signalled() -> None:
        if not stop.is_set():
            told()
        stop.set()

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, signalled)
    try:
        yield stop
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


@contextlib.asynccontextmanager
async def publishing(settings: Settings, client: str) -> AsyncIterator[Publisher]:
    """Create missing topics and yield a connected publisher; raises SetupError if no broker answers."""
    await ensure_topics(settings)
    async with Publisher(Kafka.of(settings), client) as publisher:
        await publisher.learn([settings.topic(topic.name) for topic in topics.WRITTEN_BY_OTHERS])
        yield publisher


async def send_until_told(
    settings: Settings,
    batches: Iterator[EncodedBatch],
    tally: Tally,
    *,
    what: str,
    total: int | None = None,
    on_acknowledged: Callable[[int], None] = lambda payments: None,
    stop_on_error: bool = False,
    start_ms: int | None = None,
) -> None:
    """Send batches until they end or a signal comes, with progress on stderr. See `Sender` and `send_all`."""
    with stopped_by_signals() as stop:
        async with publishing(settings, f"{settings.app_id}-produce") as publisher, shown(tally, total, what):
            sender = Sender(
                publisher,
                settings.topic(topics.TRANSACTIONS.name),
                settings.topic(topics.LABELS.name),
                tally,
                stop,
                on_acknowledged=on_acknowledged,
                stop_on_error=stop_on_error,
            )
            await send_all(batches, sender, start_ms)


def quiet_kafka() -> None:
    """Keep aiokafka's log lines about retries off the screen: what does not succeed in the end is raised."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
