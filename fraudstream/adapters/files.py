"""Files that are whole or absent, written beside their place and then renamed into it; and their names."""

import hashlib
import os
import re
import threading
from pathlib import Path

from fraudstream.domain.errors import SetupError


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file in one step; a reader sees the old content or the new, also after a crash, or if several write it at once.

    What was written before an error is removed: where it is that the disk is full, the space is needed.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def secret_in(path: Path, setting: str) -> str:
    """Read a one-line secret from the file that a setting names; raises SetupError, which never repeats it."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SetupError(f"{setting}={path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SetupError(f"{setting}={path} cannot be read: it is not UTF-8") from error


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of some bytes in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def literal(path: Path) -> str:
    """Return a path as a pattern that matches nothing else."""
    return re.sub(r"([*?[])", r"[\1]", str(path.absolute()))
