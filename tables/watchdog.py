"""Ends a worker that is stalled.

Faust logs an error while reading a changelog and waits for a record that never comes. If one of its own requests
goes unanswered for too long after a rebalance, it gives up the recovery for good. The worker then holds its partitions for
ever and decides nothing. A restart, here or elsewhere, is better, and is seen.
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from faust.tables.manager import TableManager

POLL_S = 0.5


async def standstill(
    app: Any, stall_s: float, preparing: Callable[[], bool], stopped: Callable[[], bool]
) -> str | None:
    """Watch; return what is stalled once a recovery or a rebalance made no progress for `stall_s`, None when stopped.

    Time spent `preparing` is not a stall (a large state is read before a recovery), nor is a busy event loop: only
    passes of the loop are counted.
    """
    recovery = cast(TableManager, app.tables).recovery
    seen: object = None
    stood_s = 0.0
    while not stopped():
        await asyncio.sleep(POLL_S)
        flowing = app.consumer.flow_active and app.flow_control.is_active()
        partitions = sorted({tp.partition for tp in app.consumer.assignment()})
        waiting = not preparing() and (recovery.in_recovery or (partitions and not flowing))
        state = (app.consumer_generation_id, recovery.in_recovery, dict(recovery.active_offsets))
        stood_s = stood_s + POLL_S if waiting and state == seen else 0.0
        seen = state
        if stood_s > stall_s:
            return (
                _recovery_stalled(recovery, stall_s)
                if recovery.in_recovery
                else f"a rebalance did not finish: partitions {partitions} were assigned for {stall_s:g} s and not read"
            )
    return None


def _recovery_stalled(recovery: Any, stall_s: float) -> str:
    left = {tp.partition: count for tp, count in recovery.active_remaining().items() if count > 0}
    return (
        f"the recovery made no progress for {stall_s:g} s; changelog records not yet read, by partition: {left}; if it stops "
        "there again, stop all workers and run: fraudstream state rebuild"
    )
