"""Writes a directory of payments whole or not at all: as a draft beside it, which is then renamed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def holds_something(directory: Path) -> bool:
    """Tell whether a directory is there and not empty."""
    return directory.exists() and any(directory.iterdir())


@contextmanager
def replacing(directory: Path) -> Iterator[Path]:
    """Yield an empty draft that takes the directory's place when the block ends, or is gone if it fails."""
    directory = directory.absolute()
    draft, old = (directory.with_name(f".{directory.name}.{kind}") for kind in ("draft", "old"))
    for left in (draft, old):
        shutil.rmtree(left, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        yield draft
        if directory.exists():
            directory.rename(old)
        draft.rename(directory)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
