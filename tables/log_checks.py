"""What a table remembers of the logs it comes from, and who holds it against what they are."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from aiokafka.errors import KafkaError

from fraudstream.adapters.process import refuse
from fraudstream.domain.errors import SetupError

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 10.0
"""How often the logs of held partitions are looked at while they are decided."""

LOOK_SHARE_MAX = 0.1
"""Of the time: with many partitions a look takes longer, and then they come less often."""


class Remembered(NamedTuple):
    """What the state of a partition says of the logs."""

    changelog_offset: int | None
    """The last changelog record that is in it, None without any."""
    counted_to: int
    """The last offset of `transactions` whose payment is in it, -1 without any."""


class LogCheck(Protocol):
    """Raises SetupError if logs are not those remembered, by partition."""

    async def before_recovery(self, remembered: Mapping[int, Remembered]) -> set[int]:
        """Return partitions whose state cannot go on from the changelog and must begin again."""

    async def while_running(self, remembered: Mapping[int, Remembered]) -> None:
        """Look again, while payments are decided."""

    async def close(self) -> None:
        """Let go of what it needed to look again and again."""


async def look_on(
    check: LogCheck, remembered: Callable[[], Mapping[int, Remembered]], stopped: Callable[[], bool]
) -> None:
    """Look again and again until stopped: logs may be cut or made anew beneath a worker. Ends the process if one was."""
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
                logger.warning("the logs could not be looked at, and will be again: %s", error)
                took_s = 0.0
            else:
                took_s = time.monotonic() - started_s
    finally:
        await check.close()
