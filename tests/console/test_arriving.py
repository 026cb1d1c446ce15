"""Files that are read while they arrive, in whatever pieces."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, BinaryIO

import pytest
from fastapi import Request
from hypothesis import given, settings
from hypothesis import strategies as st

from fraudstream.console.access import Forbidden
from fraudstream.console.arriving import NO_FILE, NOT_WHOLE, Arriving
from fraudstream.domain.errors import SetupError

TOKEN = b'--x\r\nContent-Disposition: form-data; name="csrf"\r\n\r\ntoken\r\n'
FILE = (
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\nContent-Type: text/csv\r\n\r\n'
)
END = b"\r\n--x--\r\n"


def request_of(pieces: Sequence[bytes], kind: str = "multipart/form-data; boundary=x") -> Request:
    """Return a form that arrives in pieces, and whose sender is gone after them."""
    messages = iter([{"type": "http.request", "body": piece, "more_body": True} for piece in pieces])
    last = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        return next(messages, None) or next(last)

    return Request({"type": "http", "method": "POST", "headers": [(b"content-type", kind.encode())]}, receive)


def check(token: str | None) -> None:
    """Refuse forms without the token."""
    if token != "token":
        raise Forbidden("no")


def whole(file: BinaryIO, filename: str) -> tuple[str, bytes]:
    """Read a file to its end."""
    return filename, file.read()


def read(request: Request, use: Any = whole) -> Any:
    """Return what is made of a file."""
    return asyncio.run(Arriving().read(request, check, use))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.binary(max_size=30), max_size=20), st.lists(st.integers(0, 600), max_size=20))
def test_a_file_is_what_was_sent_wherever_it_is_cut(lines: list[bytes], cuts: list[int]) -> None:
    """Also where its bytes begin as the end of a form does."""
    sent = b"\r\n--".join(lines)
    body = TOKEN + FILE + sent + END
    places = sorted({0, *(cut for cut in cuts if cut < len(body)), len(body)})
    pieces = [body[start:end] for start, end in pairwise(places)]

    assert ("a.csv", sent) == read(request_of(pieces))


def test_a_large_file_is_never_there_as_a_whole() -> None:
    """Who sends it is held back until it is read: a pipe's length at most is between the two."""
    sent = 0

    async def pieces() -> Any:
        nonlocal sent
        for piece in (TOKEN + FILE, *([b"a" * 65_536] * 200), END):
            sent += len(piece)
            yield piece

    messages = pieces()

    async def receive() -> Any:
        piece = await anext(messages, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    request = request_of([])
    request = Request(request.scope, receive)
    ahead = []

    def use(file: BinaryIO, filename: str) -> int:
        taken = 0
        while some := file.read(10_000):
            taken += len(some)
            ahead.append(sent - taken)
        return taken

    assert 200 * 65_536 == read(request, use)
    assert max(ahead) < 5 * 65_536


def test_who_has_seen_enough_need_not_read_on() -> None:
    """The rest is passed over, so that the browser gets its answer."""

    def use(file: BinaryIO, filename: str) -> bytes:
        return file.read(3)

    assert b"abc" == read(request_of([TOKEN, FILE, b"abc", *([b"d" * 65_536] * 50), END]), use)


def test_what_goes_wrong_while_it_is_read_is_raised() -> None:
    """And the sender is listened to until the end."""

    def use(file: BinaryIO, filename: str) -> None:
        raise SetupError("no column value")

    with pytest.raises(SetupError, match="no column value"):
        read(request_of([TOKEN, FILE, *([b"d" * 65_536] * 50), END]), use)


@pytest.mark.parametrize("pieces", [[TOKEN, FILE, b"value\n1\n"], [TOKEN, FILE, b"value\n1", b"\r\n--x"]])
def test_half_a_file_is_none(pieces: list[bytes]) -> None:
    """Whoever reads it learns that its end is not the end."""
    seen = []

    def use(file: BinaryIO, filename: str) -> bytes:
        try:
            return file.read()
        except SetupError as error:
            seen.append(str(error))
            raise

    with pytest.raises(SetupError, match="did not arrive whole"):
        read(request_of(pieces), use)
    assert [NOT_WHOLE] == seen


@pytest.mark.parametrize(
    "pieces",
    [
        [FILE, b"a", END],
        [FILE, b"a\r\n", TOKEN, END],
        [TOKEN.replace(b"token", b"other"), FILE, b"a", END],
    ],
)
def test_a_forged_form_is_refused_before_its_file_is_read(pieces: list[bytes]) -> None:
    """A token that comes after the file comes too late."""
    used = []
    with pytest.raises(Forbidden):
        read(request_of(pieces), lambda file, filename: used.append(filename))
    assert [] == used


@pytest.mark.parametrize(
    ("pieces", "kind", "sentence"),
    [
        ([TOKEN, b"--x--\r\n"], "multipart/form-data; boundary=x", NO_FILE),
        ([TOKEN, FILE.replace(b"a.csv", b""), END], "multipart/form-data; boundary=x", NO_FILE),
        ([TOKEN, FILE, END], "multipart/form-data", NO_FILE),
        ([b"csrf=token"], "application/x-www-form-urlencoded", NO_FILE),
        ([b"nonsense"], "multipart/form-data; boundary=x", NOT_WHOLE),
        ([TOKEN, FILE, b"a\r\n", FILE, b"b", END], "multipart/form-data; boundary=x", "choose one file"),
        ([TOKEN.replace(b"token", b"t" * 20_000)], "multipart/form-data; boundary=x", "at most 10,000 bytes"),
        (
            [TOKEN.replace(b"csrf", b"%d" % each) for each in range(30)],
            "multipart/form-data; boundary=x",
            "at most 20 fields",
        ),
    ],
)
def test_what_is_no_form_with_a_file_is_a_sentence(pieces: list[bytes], kind: str, sentence: str) -> None:
    """Whatever somebody sends."""
    with pytest.raises(SetupError, match=sentence):
        read(request_of(pieces, kind))
