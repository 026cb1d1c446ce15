"""One of several processes with the same database does what only one needs to do; another takes over when it ends."""

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Engine, text

from fraudstream.adapters.database.engine import said

ASK_EVERY_S = 2.0


@contextmanager
def leading(engine: Engine, task: str, stop: threading.Event) -> Iterator[bool]:
    """Wait until no other process does this task, and yield True; False once told to stop.

    PostgreSQL lets go of the lock when the connection ends, the system of a file when the process does, so a kill needs no
    time-out. A task must bear that two do it at once: a connection may break unseen.
    """
    if engine.dialect.name == "sqlite":
        with Path(f"{engine.url.database}.{task}").open("w") as file:
            while not _locked(file.fileno()):
                if stop.wait(ASK_EVERY_S):
                    yield False
                    return
            yield True
        return
    number = int.from_bytes(sha256(task.encode()).digest()[:8], signed=True)
    with said(), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        asked = text("SELECT pg_try_advisory_lock(:number)")
        while not connection.execute(asked, {"number": number}).scalar_one():
            if stop.wait(ASK_EVERY_S):
                yield False
                return
        try:
            yield True
        finally:
            connection.invalidate()  # so that the pool does not keep the lock


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
