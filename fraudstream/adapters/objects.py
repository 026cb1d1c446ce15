"""The object store of the archive: named bytes, whole or absent, in a directory or a bucket."""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from fraudstream.adapters.extras import extras_named
from fraudstream.adapters.files import write_atomically
from fraudstream.domain.errors import FraudstreamError, SetupError

S3 = "s3://"


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


def object_store(place: str) -> ObjectStore:
    """Return the store at a directory or at s3://bucket/prefix; raises SetupError if the library for S3 is not installed."""
    if not place.startswith(S3):
        return LocalObjects(Path(place))
    with extras_named():
        from fraudstream.adapters.objects_s3 import S3Objects
    bucket, _, prefix = place.removeprefix(S3).partition("/")
    return S3Objects(bucket, prefix)


class LocalObjects:
    """A directory; disk work is done in threads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def put(self, name: str, content: bytes) -> None:
        """Write beside the place and rename into it."""
        try:
            await asyncio.to_thread(self._put, self._directory / name, content)
        except OSError as error:
            raise ObjectsUnavailable(f"{self._directory / name} cannot be written: {error}") from error

    async def get(self, name: str) -> bytes:
        """Read a file."""
        try:
            return await asyncio.to_thread((self._directory / name).read_bytes)
        except FileNotFoundError:
            raise NoSuchObject(f"{self._directory / name} does not exist") from None
        except OSError as error:
            raise ObjectsUnavailable(f"{self._directory / name} cannot be read: {error}") from error

    async def names(self, prefix: str = "") -> list[str]:
        """List files; unfinished ones, whose names begin with a dot, are left out."""
        return await asyncio.to_thread(self._names, prefix)

    async def delete(self, name: str) -> None:
        """Remove a file."""
        await asyncio.to_thread((self._directory / name).unlink, missing_ok=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def _put(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(path, content)

    def _names(self, prefix: str) -> list[str]:
        """List only the folder that the prefix names: an archive has one a day."""
        folder = self._directory / prefix.rpartition("/")[0]
        found = (
            path.relative_to(self._directory).as_posix()
            for path in folder.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        )
        return sorted(name for name in found if name.startswith(prefix))
