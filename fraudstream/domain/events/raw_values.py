"""Describes records that are not payments: what their bytes look like, and what of them people may see."""

import codecs
import json
import re
from collections import deque
from collections.abc import Iterator, Sequence
from functools import lru_cache

from fraudstream.domain.card_numbers import CARD_DIGITS_MIN, MASK, digits_of, parts_of, without_parts
from fraudstream.domain.events.event_type import PER_SECOND, UNIT_NAMES
from fraudstream.domain.times import DAY_MS

SHOWN_BYTES_MAX = 2048
"""Enough to find the producer, too little to store abuse."""

BETWEEN = r"(?:\\u[0-9a-fA-F]{4}|\\[bfnrt]|[\W_]){0,8}"
ANY_RUN = re.compile(rf"\d(?:{BETWEEN}\d)*")
SHORT = re.compile(BETWEEN)
CUT_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?\Z")

ESCAPES = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")
STAYS_ESCAPED = re.compile('[\x00-\x1f"\\\\\ud800-\udfff]')
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

TIME_MIN_S = 946_684_800
"""2000-01-01."""
ISO_8601 = (
    r"(?:19|20)\d\d-[01]\d-[0-3]\d(?:[T ][0-2]\d:[0-5]\d(?::[0-6]\d(?:[.,]\d{1,9})?)?(?:[+-][01]\d:?\d\d)?)?"
)

MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xff\x06\x00\x00sNaPpY", "snappy"),
    (b"\x82SNAPPY\x00", "snappy"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"PK\x03\x04", "zip"),
    (b"\x78\x01", "zlib"),
    (b"\x78\x9c", "zlib"),
    (b"\x78\xda", "zlib"),
    (b"Obj\x01", "an Avro file"),
    (b"PAR1", "a Parquet file"),
    (b"\xac\xed\x00\x05", "a serialised Java object"),
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
"""First bytes, and what begins with them."""

RAW_SNAPPY = re.compile(rb"[\x80-\xff]{0,2}[\x01-\x7f](?:\xf0.|\xf4..|[\x04-\xec])[{\[]", re.DOTALL)
"""Snappy's block format has no first bytes of its own: a length, then the first piece of text as it is."""
UTF_16 = re.compile(rb"(?:[\x01-\x7f]\x00){4}|(?:\x00[\x01-\x7f]){4}")
CONFLUENT_HEADER_BYTES = 5
"""Of Confluent's wire format: a zero byte and the schema's id."""


def looks_like(value: bytes) -> str | None:
    """Say what bytes that are not JSON look like; None if they look like nothing known.

    >>> looks_like(bytes.fromhex("1f8b0800")), looks_like(b"\\0\\0\\0\\0\\x2a{}"), looks_like(b"hello")
    ('gzip', "Confluent's wire format (schema id 42), and then JSON", None)
    """
    for start, name in MAGIC:
        if value.startswith(start):
            return name
    if UTF_16.match(value):
        return "UTF-16"
    if value[:1] == b"\0" and len(value) > CONFLUENT_HEADER_BYTES:
        schema, body = int.from_bytes(value[1:CONFLUENT_HEADER_BYTES]), value[CONFLUENT_HEADER_BYTES:]
        then = "JSON" if body.lstrip()[:1] in (b"{", b"[") else "Avro or Protobuf"
        return f"Confluent's wire format (schema id {schema}), and then {then}"
    if RAW_SNAPPY.match(value):
        return "snappy"
    return None


def unit_of(number: float, newest_ms: int) -> str | None:
    """Name the unit in which a number is a time since 1970 that lies between the year 2000 and `newest_ms`.

    >>> unit_of(1580515200123, newest_ms=1580515300000), unit_of(4000000000000002, newest_ms=1580515300000)
    ('milliseconds', None)
    """
    for unit, per_second in PER_SECOND.items():
        if TIME_MIN_S <= number / per_second <= newest_ms / 1000:
            return UNIT_NAMES[unit]
    return None


class Shown:
    """What people may see of one record's value and of what is said about it: no card number, but its times."""

    def __init__(
        self,
        value: bytes | None,
        timestamp_ms: int,
        times: Sequence[str] = (),
        digits_min: int = CARD_DIGITS_MIN,
    ) -> None:
        """`times`: fields with a time, which is shown if it is plausible at the record's timestamp.

        `digits_min`: how many digits may be a number that is not shown.
        """
        self._run = _run_of(digits_min)
        self._newest_ms = timestamp_ms + DAY_MS
        self._time = _time_of(tuple(times)) if times else None
        text = _text(value or b"")
        self._parts = parts_of(digits_of(run) for run in self._runs(text))
        self.payload = self.detail(text)[:SHOWN_BYTES_MAX]

    def detail(self, text: str) -> str:
        """Return what is said about the record, without any card number, and without parts of those in its value."""
        kept = self._spans(text)
        bare = self._run.sub(
            lambda found: found[0] if found.span() in kept or _within(found, kept) else MASK, text
        )
        return without_parts(bare, self._parts) if self._parts else bare

    def _runs(self, text: str) -> Iterator[str]:
        kept = self._spans(text)
        return (found[0] for found in self._run.finditer(text) if not _within(found, kept))

    def _spans(self, text: str) -> list[tuple[int, int]]:
        """Return the spans of a text that are a plausible time after its field's name."""
        if self._time is None:
            return []
        return [
            found.span("time")
            for found in self._time.finditer(text)
            if found["number"] is None or unit_of(float(found["number"]), self._newest_ms) is not None
        ]


@lru_cache(maxsize=8)
def _run_of(digits_min: int) -> re.Pattern[str]:
    """Return a pattern of digits with anything short between that is no letter: dots, slashes, quotes, escapes, emoji."""
    return re.compile(rf"\d(?:{BETWEEN}\d){{{digits_min - 1},}}")


@lru_cache(maxsize=8)
def _time_of(names: tuple[str, ...]) -> re.Pattern[str]:
    """Return a pattern that finds a time after one of these names."""
    named = "|".join(map(re.escape, names))
    return re.compile(
        rf'\b(?:{named})\b"?\s{{0,8}}:?\s{{0,8}}"?(?P<time>(?P<number>\d{{9,19}}(?:\.\d{{1,6}})?)|{ISO_8601})(?![\w.])'
    )


def _within(found: re.Match[str], spans: list[tuple[int, int]]) -> bool:
    return any(start <= found.start() and found.end() <= end for start, end in spans)


def _text(value: bytes) -> str:
    """Return the start of a value as text, escapes resolved so that digits in them are found; other bytes are described."""
    start, whole = value[:SHOWN_BYTES_MAX], len(value) <= SHOWN_BYTES_MAX
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(start, final=whole)
    except UnicodeDecodeError:
        text = "\0"
    if CONTROL.search(text):
        what = looks_like(value)
        return f"({len(value):,} bytes that are not text{f' and look like {what}' if what else ''})"
    text = ESCAPES.sub(lambda found: _unescaped(found[0]), text if whole else CUT_ESCAPE.sub("", text))
    return text if whole else _without_last_run(text)


def _without_last_run(text: str) -> str:
    """Mask the digits at the end of a cut text: they may go on after the cut."""
    for last in deque(ANY_RUN.finditer(text), maxlen=1):
        if SHORT.fullmatch(text, last.end()):
            return text[: last.start()] + MASK
    return text


def _unescaped(escapes: str) -> str:
    """Return what some JSON escapes stand for; what would not be text within JSON stays as it is."""
    return STAYS_ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", json.loads(f'"{escapes}"'))
