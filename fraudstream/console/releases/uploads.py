"""Lists of values that people upload: read once, at the door, where card numbers become tokens; kept until somebody confirms them."""

import io
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from fraudstream.adapters.lists.values import SHOWN_MAX, Row, Values, rows_in
from fraudstream.domain.errors import SetupError

KEPT_S = 3600
"""What nobody has confirmed is removed at the next upload after so long."""
NAME = re.compile(r"[\w-]{32}")


class Upload(NamedTuple):
    """What was read of a file."""

    name: str
    """Under which it is kept; empty if nothing of it can be imported."""
    rows: int
    bad: int
    said: list[str]
    """The first mistakes, with their lines."""


class Uploads:
    """Uploads in a directory; with tokens in place of card numbers."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, file: BinaryIO, filename: str, values: Values) -> Upload:
        """Read a CSV file and keep the rows that are right; raises SetupError if it is none."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._remove_old()
        name, rows, bad, said = secrets.token_hex(16), 0, 0, list[str]()
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        path = self._directory / name
        try:
            with path.open("wb") as kept:
                for line, row in rows_in(text, filename[:100] or "the file", values):
                    if isinstance(row, Row):
                        rows += 1
                        kept.write(msgspec.json.encode(row) + b"\n")
                    else:
                        bad += 1
                        if len(said) < SHOWN_MAX:
                            said.append(f"line {line}: {row}")
        except SetupError:
            path.unlink()
            raise
        finally:
            text.detach()
        if not rows:
            path.unlink()
        return Upload(name if rows else "", rows, bad, said)

    def rows(self, name: str) -> Iterator[Row]:
        """Yield the rows of an upload, and remove it when all were taken; raises SetupError if it is not there any more."""
        path = self._directory / name
        if not NAME.fullmatch(name) or not path.is_file():
            raise SetupError("this upload is not there any more: upload the file again")
        with path.open("rb") as kept:
            for line in kept:
                yield msgspec.json.decode(line, type=Row)
        path.unlink(missing_ok=True)

    def _remove_old(self) -> None:
        for path in self._directory.iterdir():
            if time.time() - path.stat().st_mtime > KEPT_S:
                path.unlink(missing_ok=True)
