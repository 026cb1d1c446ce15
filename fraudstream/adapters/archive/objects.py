"""What the archive keeps its files in: named bytes, whole or absent; and the errors of such a store."""

from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from fraudstream.domain.errors import FraudstreamError, SetupError


class NoSuchObject(FraudstreamError):
    """There is nothing of that name (any more)."""


class ObjectsUnavailable(FraudstreamError):
    """The store does not answer; the operation was not done, and trying again may help."""

    later = True


class ObjectsRefused(SetupError):
    """The store refuses us: no such bucket, no rights, a wrong key. Waiting does not help."""


class ObjectStore(Protocol):
    """Names are paths with slashes. An async context manager: clients are opened once, not for every object."""

    async def put(self, name: str, content: bytes) -> None:
        """Write an object in one step, replacing what was there; when this returns it is durable."""
        ...

    async def get(self, name: str) -> bytes:
        """Return an object's content; raises NoSuchObject."""
        ...

    def path(self, name: str) -> Path | None:
        """Return where an object lies on disk, so that a part of it can be read; None if it does not lie there."""
        ...

    async def names(self, prefix: str = "") -> list[str]:
        """Return the names that begin with a prefix, in order."""
        ...

    async def delete(self, name: str) -> None:
        """Remove an object; one that is not there is no error."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
