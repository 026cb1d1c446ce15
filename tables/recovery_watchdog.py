"""Ending a worker whose recovery stands still.

Faust logs an error while reading a changelog and waits for a record that never comes; the worker then holds its
partitions for ever and decides nothing. A restart, here or elsewhere, is better, and is seen.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, cast

from faust.tables.manager import TableManager
from faust.types import TP

from fraudstream.adapters.process import crash

POLL_S = 0.5


async def watch_recovery(app: Any, stall_s: float, stopped: Callable[[], bool]) -> None:
    """Look on until the worker stops; end the process if a recovery makes no progress for `stall_s`."""
    recovery = cast(TableManager, app.tables).recovery
    seen: dict[TP, int] = {}
    progressed = time.monotonic()
    while not stopped():
        offsets = dict(recovery.active_offsets)
        if not recovery.in_recovery or offsets != seen:
            seen, progressed = offsets, time.monotonic()
        elif time.monotonic() - progressed > stall_s:
            left = {tp.partition: count for tp, count in recovery.active_remaining().items() if count > 0}
            crash(
                f"recovery made no progress for {stall_s:g} s, changelog records left by partition: {left}; if it stops "
                "there again, stop all workers and run: fraudstream state rebuild"
            )
        await asyncio.sleep(POLL_S)
