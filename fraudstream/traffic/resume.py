"""The position of a replay in a small file: what Kafka has acknowledged, and how the payments were made."""

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fraudstream.domain.errors import SetupError

SAVE_EVERY_S = 0.2
"""Less often than Kafka answers: after a crash, what was acknowledged since is sent again, and counts once."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A replay and its position. A replay can only go on with a bookmark whose other fields are the same.

    `shift_ms` was added to every time; it is kept because a payment sent twice must be the same payment.
    """

    fingerprint: str
    order: str
    topic: str
    keyed: bool
    shift_ms: int
    acknowledged: int = 0

    def at(self, acknowledged: int) -> "Bookmark":
        """Return the bookmark of a later position."""
        return replace(self, acknowledged=acknowledged)

    def save(self, path: Path) -> None:
        """Write it so that a reader always finds the old or the new one whole, even after a crash."""
        draft = path.with_name(f".{path.name}.draft")
        draft.write_text(json.dumps(asdict(self)) + "\n")
        draft.replace(path)


def read_bookmark(path: Path) -> Bookmark | None:
    """Return the bookmark in a file, None if there is no file; raises SetupError if it is something else."""
    if not path.exists():
        return None
    try:
        fields: dict[str, Any] = json.loads(path.read_text())
        return Bookmark(**fields)
    except (ValueError, TypeError) as error:
        raise SetupError(f"{path} was not written by --resume; use another file") from error


def check_same_replay(found: Bookmark, wanted: Bookmark, path: Path) -> None:
    """Raise SetupError unless a bookmark belongs to the replay that is asked for."""
    for name, what in (("fingerprint", "other payments"), ("order", "another order"), ("topic", "another topic"),
                       ("keyed", "another keying")):  # fmt: skip
        if getattr(found, name) != getattr(wanted, name):
            raise SetupError(
                f"{path} belongs to a replay of {what}; repeat its options, or use another file with --resume"
            )


class Keeper:
    """Moves a bookmark forward as Kafka acknowledges, and saves it if it has a path; a context manager."""

    def __init__(self, bookmark: Bookmark, path: Path | None) -> None:
        self.bookmark = bookmark
        self._path = path
        self._saved_at = 0.0

    def add(self, payments: int) -> None:
        """Note that the next `payments` of the replay are safely in Kafka."""
        self.bookmark = self.bookmark.at(self.bookmark.acknowledged + payments)
        if time.monotonic() - self._saved_at >= SAVE_EVERY_S:
            self._save()

    def __enter__(self) -> Self:
        self._save()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._save()

    def _save(self) -> None:
        if self._path is not None:
            self.bookmark.save(self._path)
            self._saved_at = time.monotonic()
