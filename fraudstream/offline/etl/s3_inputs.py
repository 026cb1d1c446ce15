"""Copies raw files from S3, so that they are read as local ones; what is said of them names their place there."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from fraudstream.adapters.archive.opening import S3
from fraudstream.adapters.extras import extras_named
from fraudstream.domain.errors import SetupError
from fraudstream.domain.names import did_you_mean
from fraudstream.offline.import_files import READ, kind_of_file

PATTERN = "*?["


@dataclass(frozen=True, slots=True)
class Copies:
    """Where copies lie: bucket and key below a directory."""

    directory: Path

    def local(self, inputs: Sequence[str]) -> list[str]:
        """Return the inputs with a copy for each in S3; raises SetupError for one that names no object."""
        found: list[str] = []
        for given in inputs:
            found += asyncio.run(self._copied(given)) if given.startswith(S3) else [given]
        return found

    def place(self, path: Path) -> str:
        """Return where a file is: a copy's place in S3."""
        return f"{S3}{path.relative_to(self.directory)}" if path.is_relative_to(self.directory) else str(path)

    async def _copied(self, given: str) -> list[str]:
        with extras_named():
            from fraudstream.adapters.archive.s3 import S3Objects
        bucket, _, key = given.removeprefix(S3).partition("/")
        copied = []
        async with S3Objects(bucket) as objects:
            for name in _meant(given, key, await objects.names(_literal(key))):
                target = self.directory / bucket / name
                if not target.resolve().is_relative_to(self.directory.resolve()):
                    raise SetupError(f"{S3}{bucket}/{name} cannot be the name of a file")
                target.parent.mkdir(parents=True, exist_ok=True)
                await objects.save(name, target)
                copied.append(str(target))
        return copied


def _literal(key: str) -> str:
    """Return what comes before the first sign of a pattern."""
    return key[: next((place for place, sign in enumerate(key) if sign in PATTERN), len(key))]


def _meant(given: str, key: str, names: Sequence[str]) -> list[str]:
    """Return the objects that an input names: one, those below a prefix, or those of a pattern."""
    if key in names:
        return [key]
    if any(sign in key for sign in PATTERN):
        found = [name for name in names if fnmatchcase(name, key)]
    else:
        below = f"{key.rstrip('/')}/" if key.rstrip("/") else ""
        found = [name for name in names if name.startswith(below)]
    readable = [name for name in found if kind_of_file(Path(name)) is not None]
    if not readable:
        raise SetupError(
            f"{given} names no object that ends with {', '.join(READ)}{did_you_mean(key, names)}"
        )
    return readable
