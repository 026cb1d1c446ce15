"""Leases: of several processes one at a time does something. Whoever holds a lease renews it; if it stops, another takes it."""

import time
from collections.abc import Callable

from sqlalchemy import Engine, delete, select, update

from fraudstream.adapters.database.engine import insert_new, writing
from fraudstream.adapters.database.tables import LEASES


def now_ms() -> int:
    """Return the time by this process's clock, epoch milliseconds."""
    return time.time_ns() // 1_000_000


class Leases:
    """The leases in the database, as one process, `holder`, takes them. Clocks of processes may differ by less than a lease lasts."""

    def __init__(self, engine: Engine, holder: str, clock: Callable[[], int] = now_ms) -> None:
        self._engine, self._holder, self._clock = engine, holder, clock

    def take(self, name: str, for_ms: int) -> bool:
        """Take or renew a lease; return whether it is held now. Raises DatabaseUnavailable."""
        at = self._clock()
        mine = {"holder": self._holder, "until": at + for_ms}
        with writing(self._engine) as connection:
            insertion = insert_new(connection, LEASES).values(name=name, **mine)
            connection.execute(insertion.on_conflict_do_nothing(index_elements=["name"]))
            free = (LEASES.c.holder == self._holder) | (LEASES.c.until < at)
            connection.execute(update(LEASES).where((LEASES.c.name == name) & free).values(mine))
            holder = connection.execute(select(LEASES.c.holder).where(LEASES.c.name == name)).scalar_one()
        return bool(holder == self._holder)

    def give_back(self, name: str) -> None:
        """Let another have it at once; nothing happens if it is not held. Raises DatabaseUnavailable."""
        with writing(self._engine) as connection:
            held = (LEASES.c.name == name) & (LEASES.c.holder == self._holder)
            connection.execute(delete(LEASES).where(held))
