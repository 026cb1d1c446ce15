"""Which records a worker is deciding right now, in a file that outlives it however it ends."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import msgspec

Ranges: TypeAlias = Mapping[str, tuple[int, int]]
"""`topic-partition` -> first and last offset."""


class InFlightNote:
    """A one-line file, rewritten in place with one system call: the page cache keeps it when the process dies.

    A power failure may lose it; then one crash is not counted, nothing else.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def close(self) -> None:
        """Close the file; its content stays. A write after this fails, instead of reaching a reused file descriptor."""
        file, self._file = self._file, -1
        os.close(file)

    def write(self, ranges: Ranges) -> None:
        """Write what is being decided; an empty mapping means nothing is. Bytes after the first line have no meaning."""
        os.pwrite(self._file, (msgspec.json.encode(ranges) if ranges else b"") + b"\n", 0)

    def read(self) -> dict[str, tuple[int, int]]:
        """Return what was last written."""
        line = os.pread(self._file, os.fstat(self._file).st_size, 0).partition(b"\n")[0]
        return msgspec.json.decode(line, type=dict[str, tuple[int, int]]) if line else {}
