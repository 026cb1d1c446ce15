"""Faust's recovery, except that its end counts only in the assignment that began it.

A rebalance during a recovery clears what is left to read before it restarts the recovery. For a moment nothing is left,
and Faust takes that for the end of the recovery it is about to repeat.
"""

import asyncio
import logging

from faust.tables import manager, recovery


class Recovery(recovery.Recovery):
    """Recovery that never ends for an assignment the worker no longer has."""

    logger = logging.getLogger("faust.tables")  # Faust's own messages, apart from ours

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        """Let the tables finish, unless a rebalance has overtaken this recovery: then the next one has begun."""
        if generation_id == self.app.consumer_generation_id:
            await super().on_recovery_completed(generation_id)


class TableManager(manager.TableManager):
    """Faust's table manager with our recovery, and without a pause at its start."""

    logger = logging.getLogger("faust.tables")

    async def on_start(self) -> None:
        """Begin as soon as all agents read: the worker joins its group then, and has to know all topics.

        Faust sleeps for a second instead.
        """
        while len(self.app.topics) < len(self.app.agents) and not self.should_stop:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0)
        await self._update_channels()
        await self.recovery.start()

    @property
    def recovery(self) -> recovery.Recovery:
        """Return the recovery of all tables."""
        if self._recovery is None:
            self._recovery = Recovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery
