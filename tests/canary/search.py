"""Searches all that a worker leaves behind for a card number, each kind of data decoded."""

import gzip
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import rocksdict

WINDOW_DIGITS = 12
"""This many consecutive digits of the number are a hit: twelve of sixteen are as good as all."""

EXAMPLES_MAX = 5

ESCAPED_DIGIT, ESCAPED = re.compile(rb"\\u003([0-9])"), re.compile(rb"\\(?:u[0-9a-fA-F]{4}|[bfnrt])")
NOT_ALPHANUMERIC = re.compile(rb"[^0-9A-Za-z]+")

ROCKSDB_FILES = {"CURRENT", "LOCK", "IDENTITY"}


class Needle:
    """A card number in all its written forms, and the card's token, which shows that a place was really read."""

    def __init__(self, number: str, token: str = "") -> None:
        self._token = [token.encode(), bytes.fromhex(token)] if token else []
        last = len(number) - WINDOW_DIGITS + 1
        self._texts = [number[start : start + WINDOW_DIGITS].encode() for start in range(last)]
        self._integers = [int(number).to_bytes(8, order) for order in ("big", "little")]

    def hits(self, data: bytes) -> int:
        """Count how often it is there: as text, with anything between that is no letter, in escapes, in UTF-16, or as an integer."""
        bare = NOT_ALPHANUMERIC.sub(b"", ESCAPED.sub(b"", ESCAPED_DIGIT.sub(rb"\1", data)))
        whole = max(bare.count(text) for text in self._texts)
        return whole + sum(data.count(integer) for integer in self._integers)

    def tokens(self, data: bytes) -> int:
        """Count how often the card's token is there."""
        return sum(data.count(token) for token in self._token)


@dataclass
class Place:
    """What was searched under one name and what was found."""

    parts: int = 0
    bytes_searched: int = 0
    tokens: int = 0
    hits: int = 0
    examples: list[str] = field(default_factory=list)

    def search(self, needle: Needle, parts: Iterable[tuple[str, bytes]]) -> None:
        """Search named pieces of data."""
        for name, data in parts:
            found = needle.hits(data)
            self.parts += 1
            self.bytes_searched += len(data)
            self.tokens += needle.tokens(data)
            self.hits += found
            if found and name not in self.examples and len(self.examples) < EXAMPLES_MAX:
                self.examples.append(name)


def files(directory: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every file below a directory, raw and, where it is compressed or a table, also unpacked."""
    for path in sorted(directory.rglob("*")) if directory.is_dir() else [directory]:
        if path.is_file() and path.name not in ROCKSDB_FILES:
            raw = path.read_bytes()
            yield str(path), raw
            if path.suffix == ".parquet":
                yield f"{path} (rows)", pl.read_parquet(io.BytesIO(raw)).write_ndjson().encode()
            elif path.suffix == ".gz":
                yield f"{path} (unpacked)", gzip.decompress(raw)


def rocksdbs(directory: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the keys and values of every RocksDB below a directory: its files are compressed. They must not be open elsewhere."""
    for current in sorted(directory.rglob("CURRENT")):
        database = rocksdict.Rdict(
            str(current.parent),
            rocksdict.Options(raw_mode=True),
            access_type=rocksdict.AccessType.read_only(),
        )
        yield f"{current.parent} (items)", b"\n".join(key + b"=" + value for key, value in database.items())
        database.close()
