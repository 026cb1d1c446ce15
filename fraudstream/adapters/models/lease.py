"""The lock of a training: a file that says until when it holds, renewed by a thread until the training ends."""

import json
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from fraudstream.domain.errors import FraudstreamError, SetupError
from fraudstream.domain.registry.store import ModelStore

logger = logging.getLogger(__name__)

LEASE_S = 60.0
"""How long a training counts as alive after its last sign of life; a new one takes over then."""

LEASE_BYTES_MAX = 10_000

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the time by this machine's clock."""
    return datetime.now(UTC)


class Lease:
    """A lock on one name of a store. Clocks of machines may differ by much less than LEASE_S."""

    def __init__(
        self, store: ModelStore, name: str, owner: str, clock: Clock = utc_now, lease_s: float = LEASE_S
    ) -> None:
        self._store, self._name, self._owner = store, name, owner
        self._clock, self._lease_s = clock, lease_s
        self._tag: str | None = None
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def take(self) -> bool:
        """Take it if nobody holds it; the lease of a process that has not renewed it in time is taken over."""
        there = self._store.read(self._name, LEASE_BYTES_MAX)
        if there is not None and until(there.content, self._name) > self._clock():
            return False
        return self._write(None if there is None else there.tag)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        there = self._store.read(self._name, LEASE_BYTES_MAX)
        if there is not None and there.tag == self._tag:
            self._store.delete(self._name)

    def _renew(self) -> None:
        """Renew it four times in its length; a store that is away for a moment is asked again the next time."""
        while not self._over.wait(self._lease_s / 4):
            try:
                if not self._write(self._tag):
                    logger.warning("%s was taken over by another training", self._name)
                    return
            except (FraudstreamError, OSError) as error:
                logger.warning("the lock of this training could not be renewed: %s", error)

    def _write(self, expected: str | None) -> bool:
        end = self._clock() + timedelta(seconds=self._lease_s)
        content = json.dumps({"owner": self._owner, "until": end.isoformat()}).encode()
        if not self._store.write(self._name, content, expected):
            return False
        there = self._store.read(self._name, LEASE_BYTES_MAX)
        if there is None or there.content != content:
            return False
        self._tag = there.tag
        return True


def until(content: bytes, name: str) -> datetime:
    """Return when a lease ends; raises SetupError."""
    try:
        return datetime.fromisoformat(json.loads(content)["until"])
    except (ValueError, KeyError, TypeError) as error:
        raise SetupError(f"{name} is not the lock of a training ({error}); delete it") from error
