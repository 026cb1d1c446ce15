"""Wrong passwords in a row: after a few of them a name is locked, each time for longer.

Names that do not exist are counted like others, so that nobody learns which do.
"""

import hashlib
import time

from sqlalchemy import Engine, delete, select, update

from fraudstream.adapters.database.engine import insert_new, writing
from fraudstream.adapters.database.tables import LOGIN_FAILURES
from fraudstream.domain.times import DAY_MS, HOUR_MS

FREE = 4
"""So many wrong passwords lock nothing yet."""

LOCK_MS = 10_000
"""How long the next one locks the name; each further one locks it twice as long as the one before."""

LOCK_MAX_MS = HOUR_MS


class LoginFailures:
    """The failures in the database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def attempt(self, name: str) -> int:
        """Count an attempt as a failure before its password is checked; return how long the name is locked, in ms, 0 if it is not.

        So attempts at the same moment count, too. A locked name is not counted further.
        """
        key, now_ms = _key(name), time.time_ns() // 1_000_000
        with writing(self._engine) as connection:
            connection.execute(delete(LOGIN_FAILURES).where(LOGIN_FAILURES.c.last_at < now_ms - DAY_MS))
            one = LOGIN_FAILURES.c.name_sha256 == key
            first = {"name_sha256": key, "failures": 0, "last_at": now_ms, "locked_until": 0}
            connection.execute(insert_new(connection, LOGIN_FAILURES).values(first).on_conflict_do_nothing())
            row = connection.execute(select(LOGIN_FAILURES).where(one).with_for_update()).one()
            if row.locked_until > now_ms:
                return int(row.locked_until) - now_ms
            failures = row.failures + 1
            values = {"failures": failures, "last_at": now_ms, "locked_until": now_ms + wait_ms(failures)}
            connection.execute(update(LOGIN_FAILURES).where(one).values(values))
        return 0

    def forget(self, name: str) -> None:
        """Begin anew: the password was right."""
        with writing(self._engine) as connection:
            connection.execute(delete(LOGIN_FAILURES).where(LOGIN_FAILURES.c.name_sha256 == _key(name)))


def wait_ms(failures: int) -> int:
    """Return for how long so many failures lock a name.

    >>> [wait_ms(failures) // 1000 for failures in (4, 5, 6, 7, 8, 30)]
    [0, 10, 20, 40, 80, 3600]
    """
    if failures <= FREE:
        return 0
    return int(min(LOCK_MS << min(failures - FREE - 1, 20), LOCK_MAX_MS))


def _key(name: str) -> str:
    return hashlib.sha256(name.strip().lower().encode()).hexdigest()
