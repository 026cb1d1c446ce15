"""Lists the rows that a command leaves out, in a CSV file that is there only if there are any."""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fraudstream.domain.errors import SetupError

BEGINNING = b"file,line,"
"""Of every list, also those of older versions."""


@contextmanager
def listing(path: Path, columns: Sequence[str]) -> Iterator[Callable[[Sequence[object]], None]]:
    """Yield a function that lists a row. An earlier run's list is removed, even if there is nothing to list.

    Raises SetupError if the path is that of another file.
    """
    if path.exists() and not _is_list(path):
        raise SetupError(
            f"{path} is no list of an earlier run, and is not replaced; choose another place for it"
        )
    draft = path.with_name(f".{path.name}.draft")
    draft.parent.mkdir(parents=True, exist_ok=True)
    written = False
    try:
        with draft.open("w", newline="", encoding="utf-8") as text:
            rows = csv.writer(text)
            rows.writerow(columns)

            def note(row: Sequence[object]) -> None:
                nonlocal written
                written = True
                rows.writerow(row)

            yield note
        path.unlink(missing_ok=True)
        if written:
            draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)


def _is_list(path: Path) -> bool:
    with path.open("rb") as content:
        return content.read(len(BEGINNING)) == BEGINNING
