"""Ending a worker that stands still.

Faust logs an error while reading a changelog and waits for a record that never comes. If one of its own requests
goes unanswered for too long after a rebalance, it gives up the recovery for good. The worker then holds its partitions for
ever and decides nothing. A restart, here or elsewhere, is better, and is seen.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

from faust.tables.manager import TableManager

from fraudstream.adapters.process import crash

POLL_S = 0.5


async def watch(app: Any, stall_s: float, stopped: Callable[[], bool]) -> None:
    """Look on until the worker stops; end the process if a recovery or a rebalance makes no progress for `stall_s`."""
    recovery = cast(TableManager, app.tables).recovery
    seen: object = None
    progressed = time.monotonic()
    while not stopped():
        flowing = app.consumer.flow_active and app.flow_control.is_active()
        partitions = sorted({tp.partition for tp in app.consumer.assignment()})
        state = (recovery.in_recovery, app.consumer_generation_id, dict(recovery.active_offsets))
        if state != seen or not (recovery.in_recovery or (partitions and not flowing)):
            seen, progressed = state, time.monotonic()
        elif time.monotonic() - progressed > stall_s:
            crash(
                _recovery_stalled(recovery, stall_s)
                if recovery.in_recovery
                else _flow_stalled(partitions, stall_s)
            )
        await asyncio.sleep(POLL_S)


def _recovery_stalled(recovery: Any, stall_s: float) -> str:
    left = {tp.partition: count for tp, count in recovery.active_remaining().items() if count > 0}
    return (
        f"recovery made no progress for {stall_s:g} s, changelog records left by partition: {left}; if it stops "
        "there again, stop all workers and run: fraudstream state rebuild"
    )


def _flow_stalled(partitions: list[int], stall_s: float) -> str:
    return f"partitions {partitions} were held for {stall_s:g} s without being read: a rebalance did not come to its end"
