"""Objects in a directory."""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

from fraudstream.adapters.archive.objects import NoSuchObject, ObjectsUnavailable
from fraudstream.adapters.files import write_atomically


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

    def path(self, name: str) -> Path:
        """Return the file's path."""
        return self._directory / name

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
