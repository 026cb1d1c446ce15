"""Finds the raw files that are meant: files, directories and patterns."""

import glob
from collections.abc import Sequence
from pathlib import Path

from fraudstream.domain.errors import SetupError
from fraudstream.domain.names import did_you_mean
from fraudstream.offline.import_files import READ, kind_of_file


def input_files(inputs: Sequence[str]) -> list[Path]:
    """Return the files in order, each once; raises SetupError for an input that names none, and for an empty file."""
    found: dict[Path, Path] = {}
    for given in inputs:
        for path in _files_of(given):
            found.setdefault(path.resolve(), path)
    for path in found.values():
        if not path.stat().st_size:
            raise SetupError(f"{path} is empty: it has not even a line that names the columns")
    return list(found.values())


def _files_of(given: str) -> list[Path]:
    path = Path(given)
    if path.is_dir():
        files = [file for file in sorted(path.rglob("*")) if _is_meant(file, path)]
        if not files:
            raise SetupError(f"{path} holds no file whose name ends with {', '.join(READ)}")
        return files
    if path.exists():
        return [path]
    matches = [Path(match) for match in sorted(glob.glob(given, recursive=True))]
    files = [file for file in matches if file.is_file()]
    if not files:
        beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
        raise SetupError(f"there is no file {given}{did_you_mean(path.name, beside)}")
    return files


def _is_meant(file: Path, below: Path) -> bool:
    """Tell whether a file in a directory is one to read: hidden ones are other programs' drafts."""
    hidden = any(part.startswith((".", "_")) for part in file.relative_to(below).parts)
    return file.is_file() and not hidden and kind_of_file(file) is not None
