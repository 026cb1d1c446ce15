"""An inbox in a directory. A file is whole when two looks, some time apart, have seen the same size and time of change."""

import asyncio
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from fraudstream.adapters.inbox.place import COPIED_BYTES, Copied, Found, Place, digest, is_taken
from fraudstream.domain.errors import SetupError


class DirectoryInbox(Place):
    """Also directories within it."""

    def __init__(self, directory: Path, settle_s: float) -> None:
        self.place = str(directory.absolute())
        self._directory = directory
        self._settle_s = settle_s
        self._seen: dict[str, tuple[str, float]] = {}
        """Name -> stamp, and when it was first seen with it."""
        self._unfinished = 0

    async def files(self) -> list[Found]:
        """Look once; what has not changed for `settle_s` is whole."""
        if not self._directory.is_dir():
            raise SetupError(f"{self._directory} is not a directory; make it, or name another one")
        now, seen, whole = time.monotonic(), dict[str, tuple[str, float]](), []
        for found in await asyncio.to_thread(self._listed):
            stamp, since = self._seen.get(found.name, (found.stamp, now))
            seen[found.name] = (found.stamp, since if stamp == found.stamp else now)
            if now - seen[found.name][1] >= self._settle_s:
                whole.append(found)
        self._seen, self._unfinished = seen, len(seen) - len(whole)
        return whole

    @property
    def unfinished(self) -> int:
        """How many files the last look has not taken for whole."""
        return self._unfinished

    async def find(self, name: str) -> Found | None:
        """Look at one file."""
        return self._found(self._directory / name)

    async def copy(self, found: Found, directory: Path) -> Copied | None:
        """Copy it, and look whether it has changed meanwhile."""
        return await asyncio.to_thread(self._copied, found, directory)

    def _copied(self, found: Found, directory: Path) -> Copied | None:
        source, target, hashed = self._directory / found.name, directory / Path(found.name).name, digest()
        try:
            with source.open("rb") as file, target.open("wb") as copy:
                while part := file.read(COPIED_BYTES):
                    hashed.update(part)
                    copy.write(part)
        except FileNotFoundError:
            return None
        return Copied(target, hashed.hexdigest()) if self._found(source) == found else None

    def _listed(self) -> list[Found]:
        listed = (self._found(path) for path in sorted(self._directory.rglob("*")))
        return [found for found in listed if found is not None and is_taken(found.name)]

    def _found(self, path: Path) -> Found | None:
        try:
            if not path.is_file():
                return None
            about = path.stat()
        except FileNotFoundError:
            return None
        name = path.relative_to(self._directory).as_posix()
        return Found(name, about.st_size, f"{about.st_size}-{about.st_mtime_ns}-{about.st_ino}")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return
