"""Faust's recovery, except that its end counts only in the assignment that began it.

A rebalance during a recovery clears what is left to read before it restarts the recovery. For a moment nothing is left,
and Faust takes that for the end of the recovery it is about to repeat.
"""

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
    """Faust's table manager with our recovery."""

    logger = logging.getLogger("faust.tables")

    @property
    def recovery(self) -> recovery.Recovery:
        """Return the recovery of all tables."""
        if self._recovery is None:
            self._recovery = Recovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery
