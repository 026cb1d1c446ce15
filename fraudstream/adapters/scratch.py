"""Temporary directories that a killed process leaves behind are removed by the next one that wants one of the kind."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = ".in-use"
"""Locked by the process that has the directory, however that ends."""


@contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """Yield an empty directory that is gone when the block ends; first remove those of this prefix that nobody has any more."""
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        _remove_if_left(left)
    with tempfile.TemporaryDirectory(prefix=prefix) as made:
        directory = Path(made)
        draft = directory / f"{LOCK}.new"
        lock = os.open(draft, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            draft.rename(directory / LOCK)  # locked before anybody looks for it
            yield directory
        finally:
            os.close(lock)


def _remove_if_left(directory: Path) -> None:
    """Remove a directory of ours that no process has: one whose lock is free. Without a lock it is just being made."""
    try:
        about = directory.lstat()
        lock = os.open(directory / LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        if about.st_uid == os.getuid():
            shutil.rmtree(directory, ignore_errors=True)
    finally:
        os.close(lock)
