"""What a table remembers of the logs it was built from, and the check that compares it with the brokers' logs."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from aiokafka.errors import KafkaError

from fraudstream.domain.errors import SetupError
from fraudstream.process.exits import refuse

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 10.0
"""How often the logs of held partitions are looked at while they are decided."""

LOOK_SHARE_MAX = 0.1
"""Share of the time: with many partitions a look takes longer, so looks come less often."""


class Remembered(NamedTuple):
    """What the state of a partition says of the logs."""

    changelog_offset: int | None
    """The last changelog record that is in it, None without any."""
    counted_to: int
    """The last offset of `transactions` whose payment is in it, -1 without any."""


class LogCheck(Protocol):
    """Compares logs with what is remembered of them, by partition; raises SetupError if they are other logs."""

    async def before_recovery(self, remembered: Mapping[int, Remembered]) -> set[int]:
        """Return partitions whose state cannot go on from the changelog and must begin again."""

    async def while_running(self, remembered: Mapping[int, Remembered]) -> None:
        """Look again, while payments are decided."""

    async def close(self) -> None:
        """Release what repeated looks share."""


async def look_on(
    check: LogCheck, remembered: Callable[[], Mapping[int, Remembered]], stopped: Callable[[], bool]
) -> None:
    """Look repeatedly until stopped; end the process if a log was truncated or recreated under the worker."""
    took_s = 0.0
    try:
        while not stopped():
            await asyncio.sleep(max(LOOK_EVERY_S, took_s / LOOK_SHARE_MAX))
            started_s = time.monotonic()
            try:
                if held := remembered():
                    await check.while_running(held)
            except SetupError as error:
                refuse(str(error))
            except KafkaError as error:
                logger.warning("the logs could not be checked, and will be checked again: %s", error)
                took_s = 0.0
            else:
                took_s = time.monotonic() - started_s
    finally:
        await check.close()
