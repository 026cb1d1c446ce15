"""Files that people upload, read while they arrive: neither memory nor a temporary file holds one, which may have card numbers."""

import asyncio
import io
import os
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, BinaryIO, TypeVar

import python_multipart
from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool

from fraudstream.console.access import MULTIPART
from fraudstream.domain.errors import SetupError

T = TypeVar("T")

FIELD_BYTES_MAX = 10_000
FIELDS_MAX = 20
NO_FILE = "choose a file"
NOT_WHOLE = "the file did not arrive whole; send it again"
FILE_BYTES_MAX = 256 * 1024 * 1024
"""Two million lines, which is what a list can have, with long values and reasons."""
AT_ONCE = 2
"""Files that are read at a time; further ones wait. Each takes two threads of those that pages run in."""


class _Parts:
    """What there is of a form so far: the fields before its file, the file's name, and those of its bytes that nobody has taken."""

    def __init__(self, boundary: bytes) -> None:
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self.pieces: list[bytes] = []
        self._data = bytearray()
        self._header, self._value, self._disposition = b"", b"", b""
        self._name = ""
        self._of_file = self._ended = False
        self._parser = python_multipart.MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._part_data,
                "on_part_end": self._end,
                "on_end": self._end_of_form,
            },
        )

    def take(self, chunk: bytes) -> None:
        """Take what has arrived; raises SetupError if it is no form, or has other fields than forms of ours."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise SetupError(NOT_WHOLE) from error

    def finish(self) -> None:
        """Say that nothing more comes; raises SetupError if there should."""
        if not self._ended:
            raise SetupError(NOT_WHOLE)

    def taken(self) -> bytes:
        """Return the bytes of the file that have arrived since this was asked last."""
        piece = b"".join(self.pieces)
        self.pieces.clear()
        return piece

    def _begin(self) -> None:
        self._data.clear()
        self._disposition, self._of_file = b"", False

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode(errors="replace")
        self._of_file = b"filename" in options
        if self._of_file and self.filename is not None:
            raise SetupError("choose one file")
        if self._of_file:
            self.filename = options[b"filename"].decode(errors="replace")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._of_file:
            self.pieces.append(data[start:end])
            return
        self._data += data[start:end]
        if len(self._data) > FIELD_BYTES_MAX:
            raise SetupError(f"a field beside a file has at most {FIELD_BYTES_MAX:,} bytes")

    def _end(self) -> None:
        if not self._of_file:
            self.fields[self._name] = self._data.decode(errors="replace")
            if len(self.fields) > FIELDS_MAX:
                raise SetupError(f"a form with a file has at most {FIELDS_MAX} fields")

    def _end_of_form(self) -> None:
        self._ended = True


class _Pipe(io.RawIOBase):
    """What `use` reads. Its end is an error unless all has arrived."""

    def __init__(self, source: int, whole: threading.Event) -> None:
        self._source, self._whole = source, whole

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Read what is there, and wait if nothing is."""
        number = os.readv(self._source, [buffer])
        if number == 0 and len(buffer) and not self._whole.is_set():
            raise SetupError(NOT_WHOLE)
        return number

    def close(self) -> None:
        """Tell who writes that nothing more is read."""
        if not self.closed:
            os.close(self._source)
        super().close()


class Arriving:
    """Reads forms with one file, some at a time."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def read(
        self, request: Request, check: Callable[[str | None], None], use: Callable[[BinaryIO, str], T]
    ) -> T:
        """Return what `use` makes of the file and its name, in a thread; it may stop before the end.

        `check` gets the token of the form before anything of the file is read, and raises if it is not right. Raises SetupError if
        the form has no file or does not arrive whole, and what `use` raises.
        """
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        if kind.decode() != MULTIPART or b"boundary" not in options:
            raise SetupError(NO_FILE)
        parts, chunks = _Parts(options[b"boundary"]), request.stream()
        async with self._slots:
            async for chunk in chunks:
                parts.take(chunk)
                if parts.filename is not None:
                    break
            check(parts.fields.get("csrf"))
            if not parts.filename:
                raise SetupError(NO_FILE)
            filename = parts.filename
            return await _used(parts, chunks, lambda file: use(file, filename))


async def _used(parts: _Parts, chunks: AsyncIterator[bytes], use: Callable[[BinaryIO], T]) -> T:
    """Pour a file that has begun through a pipe, which holds back who sends it faster than it is read."""
    whole = threading.Event()
    source, sink = os.pipe()

    def read() -> T:
        with io.BufferedReader(_Pipe(source, whole)) as file:
            return use(file)

    reading = asyncio.create_task(run_in_threadpool(read))
    try:
        await run_in_threadpool(_write, sink, parts.taken())
        async for chunk in chunks:
            parts.take(chunk)
            await run_in_threadpool(_write, sink, parts.taken())
        parts.finish()
        whole.set()
    finally:
        os.close(sink)
        await asyncio.wait([reading])
    return reading.result()


def _write(sink: int, piece: bytes) -> None:
    """Write until all is written, or nobody reads any more; then the rest of the file is passed over."""
    left = memoryview(piece)
    with suppress(BrokenPipeError):
        while left:
            left = left[os.write(sink, left) :]
