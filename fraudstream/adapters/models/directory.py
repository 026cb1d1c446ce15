"""Models in a directory; a lock file makes writing conditional among the processes of one machine."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fraudstream.adapters.files import sha256_of, write_atomically
from fraudstream.domain.errors import SetupError
from fraudstream.domain.registry.store import Stored

LOCK = ".lock"


class DirectoryStore:
    """A directory. Also on a file system that several machines share, if that has locks (NFS 4 does)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.place = str(directory)

    def read(self, name: str, bytes_max: int) -> Stored | None:
        """Read a file."""
        path = self._directory / name
        try:
            with path.open("rb") as file:
                content = file.read(bytes_max + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise SetupError(f"{path} cannot be read: {error.strerror}") from error
        if len(content) > bytes_max:
            raise SetupError(f"{path} is larger than {bytes_max:,} bytes, the largest size allowed for it")
        return Stored(content, sha256_of(content))

    def write(self, name: str, content: bytes, expected: str | None) -> bool:
        """Compare and write under the lock."""
        path = self._directory / name
        with self._locked():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            there = sha256_of(path.read_bytes()) if path.exists() else None
            if there != expected:
                return False
            write_atomically(path, content)
            return True

    def names(self, prefix: str = "") -> list[str]:
        """List files; unfinished ones, whose names begin with a dot, are left out."""
        found = (
            path.relative_to(self._directory).as_posix()
            for path in self._directory.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        )
        return sorted(name for name in found if name.startswith(prefix))

    def delete(self, name: str) -> None:
        """Remove a file, and its directory if it was the last."""
        path = self._directory / name
        if not path.exists():
            return
        with self._locked():
            path.unlink(missing_ok=True)
            if path.parent != self._directory and not any(path.parent.iterdir()):
                path.parent.rmdir()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self._directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
