"""Ways in which a disk loses or changes what RocksDB wrote, each done to the real files of a partition."""

import shutil
from collections.abc import Callable
from pathlib import Path

import rocksdict


def flushed(directory: Path) -> Path:
    """Move everything from the write-ahead log into a sorted file, as RocksDB does by itself when there is more."""
    options = rocksdict.Options(raw_mode=True)
    database = rocksdict.Rdict(str(directory), options)
    database.flush()
    database.close()
    return directory


def _one(directory: Path, pattern: str) -> Path:
    """Return the largest file of a kind."""
    return max(flushed(directory).glob(pattern), key=lambda path: path.stat().st_size)


def flip_a_bit(directory: Path) -> None:
    """Change one byte in the middle of the payments."""
    path = _one(directory, "*.sst")
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 0x10
    path.write_bytes(content)


def cut_a_file(directory: Path) -> None:
    """Lose the second half of the payments."""
    path = _one(directory, "*.sst")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def lose_a_file(directory: Path) -> None:
    """Lose the payments."""
    _one(directory, "*.sst").unlink()


def lose_the_manifest(directory: Path) -> None:
    """Lose the list of files."""
    _one(directory, "MANIFEST-*").unlink()


def lose_current(directory: Path) -> None:
    """Lose the name of the list of files."""
    (flushed(directory) / "CURRENT").unlink()


def garble_current(directory: Path) -> None:
    """Overwrite the name of the list of files."""
    (flushed(directory) / "CURRENT").write_bytes(b"\0" * 16)


def cut_the_log(directory: Path) -> None:
    """Lose the end of the write-ahead log: an older state, and sound."""
    path = max(directory.glob("*.log"), key=lambda path: path.stat().st_size)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def lose_the_directory(directory: Path) -> None:
    """Lose all of it."""
    shutil.rmtree(directory)


def put_a_file_in_its_place(directory: Path) -> None:
    """Find no directory at all."""
    shutil.rmtree(directory)
    directory.write_text("not a database")


SEEN: list[Callable[[Path], None]] = [
    flip_a_bit,
    cut_a_file,
    lose_a_file,
    lose_the_manifest,
    lose_current,
    garble_current,
    put_a_file_in_its_place,
]
"""Damage that shows, so that the state is wiped."""

HARMLESS: list[Callable[[Path], None]] = [cut_the_log, lose_the_directory]
"""What is left opens as an older state or an empty one, and its changelog offset says so."""
