"""What an inbox needs of the place it watches."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

S3 = "s3://"

UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart", "~")
"""Endings of names that programs give to files they are still writing."""

COPIED_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """A whole file in an inbox."""

    name: str
    """Below the inbox, with slashes."""
    size: int
    stamp: str
    """Changes with the content, without reading it: S3's ETag, or size and time of change."""


@dataclass(frozen=True, slots=True)
class Copied:
    """A file's copy, which nobody else changes."""

    path: Path
    sha256: str


class Place(Protocol):
    """A directory or a prefix in S3. It is only read."""

    place: str

    async def files(self) -> list[Found]:
        """Return the files that are whole, in order of their names."""
        ...

    async def find(self, name: str) -> Found | None:
        """Return one file as it is now, None if it is gone."""
        ...

    async def copy(self, found: Found, directory: Path) -> Copied | None:
        """Copy a file into a directory; None if it is gone or another one meanwhile."""
        ...

    @property
    def unfinished(self) -> int:
        """How many files were left out of `files` because they are still being written."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def is_taken(name: str) -> bool:
    """Tell whether a name is that of a file to take: neither hidden, nor a mark of other programs, nor unfinished.

    >>> [is_taken(name) for name in ("a.csv", "x/b.parquet", ".a.csv", "_SUCCESS", "_temporary/a.csv", "a.csv.part", "x/")]
    [True, True, False, False, False, False, False]
    """
    parts = name.split("/")
    return not any(part[:1] in ("", ".", "_") for part in parts) and not name.endswith(UNFINISHED)


def digest() -> Any:
    """Return what computes the SHA-256 of a file part by part."""
    return hashlib.sha256()
