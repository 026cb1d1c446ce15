"""Sending on a schedule, on a real broker: when payments leave, and what is known to have arrived."""

import asyncio
import time
from collections.abc import Iterator

import numpy as np
import pytest

from fraudstream.adapters.kafka.publisher import Message
from fraudstream.settings import Settings
from fraudstream.traffic.encoder import EncodedBatch
from fraudstream.traffic.sender import Sender, send_all
from fraudstream.traffic.session import publishing
from fraudstream.traffic.tally import Tally
from tests.end_to_end.harness import read_all
from tests.shared import PATIENCE_S


def batch(*due_s: float) -> EncodedBatch:
    """Return payments that are due at these seconds; the value says which is which."""
    messages = [Message(None, f"{second}".encode()) for second in due_s]
    return EncodedBatch(np.array(due_s), messages, [index % 4 for index in range(len(due_s))], [])


async def sent(
    settings: Settings, batches: Iterator[EncodedBatch], stop_after_s: float | None = None
) -> tuple[Tally, list[int]]:
    """Send batches; return the tally and what was reported as acknowledged."""
    tally, stop, reported = Tally(), asyncio.Event(), []
    async with publishing(settings, "test") as publisher:
        sender = Sender(
            publisher,
            settings.topic("transactions"),
            settings.topic("labels"),
            tally,
            stop,
            on_acknowledged=reported.append,
        )
        if stop_after_s is not None:
            asyncio.get_running_loop().call_later(stop_after_s, stop.set)
        await send_all(batches, sender)
    return tally, reported


async def longest_delay_ms(wait_s: float) -> float:
    """Wait again and again until cancelled; return how much longer than asked for the longest wait took."""
    longest_s, loop = 0.0, asyncio.get_running_loop()
    try:
        while True:
            asked = loop.time()
            await asyncio.sleep(wait_s)
            longest_s = max(longest_s, loop.time() - asked - wait_s)
    except asyncio.CancelledError:
        return 1000 * longest_s


async def test_payments_leave_when_they_are_due(fresh_settings: Settings) -> None:
    """Neither before nor after, but for what this machine adds to every wait."""
    began_ms = time.time() * 1000
    waiting = asyncio.create_task(longest_delay_ms(0.05))
    tally, reported = await sent(fresh_settings, iter([batch(0.0, 0.3, 0.6), batch(0.9, 1.2)]))
    waiting.cancel()
    delayed_ms = await waiting
    records = sorted(await read_all(fresh_settings, "transactions"), key=lambda record: record.timestamp)
    gaps_ms = np.diff([record.timestamp for record in records])

    assert (5, 0, 5) == (tally.sent, tally.errors, sum(reported))
    assert [b"0.0", b"0.3", b"0.6", b"0.9", b"1.2"] == [record.value for record in records]
    assert records[0].timestamp >= began_ms - 1
    assert 1190 <= records[-1].timestamp - records[0].timestamp
    assert gaps_ms.tolist() == pytest.approx([300] * 4, abs=150 + 2 * delayed_ms)


async def test_labels_that_became_known_leave_once_with_the_first_payment(fresh_settings: Settings) -> None:
    """They are of earlier payments, and count as none."""
    known = [(1, Message(b"p1", b"known")), (2, Message(b"p2", b"known, too"))]
    payments = batch(0.0, 0.2)
    later = EncodedBatch(payments.due_s, payments.messages, payments.partitions, [], known)
    tally, reported = await sent(fresh_settings, iter([later]))
    labels = await read_all(fresh_settings, "labels")

    assert (2, 0, 2) == (tally.sent, tally.errors, sum(reported))
    assert {(1, b"known"), (2, b"known, too")} == {(record.partition, record.value) for record in labels}
    assert 2 == len(labels)


async def test_a_stop_ends_the_waiting_and_loses_no_answer(fresh_settings: Settings) -> None:
    """Payments due in an hour are not waited for; those on their way are."""
    began = time.monotonic()
    tally, reported = await sent(fresh_settings, iter([batch(0.0, 0.0, 3600.0)]), stop_after_s=0.5)

    assert (2, 2) == (tally.sent, sum(reported))
    assert PATIENCE_S > time.monotonic() - began


async def test_what_kafka_does_not_take_is_an_error_and_ends_the_contiguous_report(
    fresh_settings: Settings,
) -> None:
    """A resumed replay must send it again, with everything after it."""
    tally, stop, reported = Tally(), asyncio.Event(), []
    async with publishing(fresh_settings, "test") as publisher:
        sender = Sender(
            publisher,
            fresh_settings.topic("transactions"),
            fresh_settings.topic("labels"),
            tally,
            stop,
            on_acknowledged=reported.append,
            stop_on_error=True,
        )
        too_large = EncodedBatch(None, [Message(None, bytes(2 << 20))], [3], [])
        first, later = batch(0.0, 0.0), batch(0.0, 0.0, 0.0)
        await sender.send(first, 0, 2)
        await sender.send(too_large, 0, 1)
        await sender.send(later, 0, 3)
        await sender.finish()

    assert [2] == reported
    assert (5, 1) == (tally.sent, tally.errors)
    assert stop.is_set()
    assert tally.last_error
