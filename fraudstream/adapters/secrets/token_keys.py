"""The file with the keys of card tokens: one a line, oldest first.

<64 hexadecimal digits>                                     the first key may have no number
1:<64 hexadecimal digits> from=2026-12-01T00:00:00Z         every later one has a number and the event time it starts at
"""

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from fraudstream.domain.errors import SetupError
from fraudstream.domain.tokens import Tokenizer

KEY_BYTES = 32
"""The size of a SHA-256; longer keys are no stronger."""

NUMBER_MAX = 255
"""A key's number is the first byte of its tokens."""

LINE = re.compile(r"(?:(?P<number>\d{1,3}):)?(?P<key>(?:[0-9a-fA-F]{2})+)(?:\s+from=(?P<since>\S+))?")

MAKE = "make one with: openssl rand -hex 32"


def read(path: Path) -> Tokenizer:
    """Read the keys of a file; raises SetupError, which contains none of the file's content."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"the card token key {path} cannot be read; {MAKE}") from error
    return parsed(text, str(path))


def parsed(text: str, where: str) -> Tokenizer:
    """Return the tokenizer of the newest key, which knows the earlier ones; raises SetupError that names the line."""
    newest: Tokenizer | None = None
    for number, line in enumerate(text.replace(",", "\n").splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            newest = _next(line.strip(), newest, f"line {number} of the card token keys in {where}")
    if newest is None:
        raise SetupError(f"there is no card token key in {where}; {MAKE}")
    return newest


def _next(line: str, before: Tokenizer | None, where: str) -> Tokenizer:
    """Read one line; `before` is the tokenizer of the lines before it."""
    found = LINE.fullmatch(line)
    if found is None:
        raise SetupError(f"{where} is not `number:hexadecimal key from=time`; {MAKE}")
    key, number = bytes.fromhex(found["key"]), int(found["number"] or 0)
    if len(key) < KEY_BYTES:
        raise SetupError(f"{where} is shorter than {KEY_BYTES} bytes; {MAKE}")
    since_ms = epoch_ms(found["since"], where) if found["since"] else 0
    if before is None:
        if number > NUMBER_MAX or since_ms:
            raise SetupError(
                f"{where}: the first key must have a number up to {NUMBER_MAX} or none, and no from="
            )
    elif not before.number < number <= NUMBER_MAX or since_ms <= before.since_ms:
        raise SetupError(
            f"{where}: a later key must have a higher number, up to {NUMBER_MAX}, and a later from=time"
        )
    return Tokenizer(key, number, since_ms, before)


def epoch_ms(text: str, where: str) -> int:
    """Read a time with its zone; raises SetupError that says where it stands."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime(1970, 1, 1)
    if moment.tzinfo is None:
        raise SetupError(f"{where}: from= must be a time with its zone, e.g. 2026-12-01T00:00:00Z")
    return round(moment.timestamp() * 1000)


def make_first(path: Path) -> None:
    """Make a key. The first of several processes wins (hard link of a finished file), so all agree."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):  # another process was first: its key counts
        _written(path, secrets.token_hex(KEY_BYTES) + "\n", os.link)


def add(path: Path, since_ms: int) -> Tokenizer:
    """Add a new key that starts at an event time and return it; raises SetupError."""
    before = read(path)
    if before.number == NUMBER_MAX:
        raise SetupError(
            f"all {NUMBER_MAX} key numbers in {path} are used; start a new file, with new state and history"
        )
    since = datetime.fromtimestamp(since_ms / 1000, UTC).isoformat()
    line = f"{before.number + 1}:{secrets.token_hex(KEY_BYTES)} from={since}\n"
    text = path.read_text(encoding="utf-8").rstrip("\n") + "\n" + line
    added = parsed(text, str(path))
    _written(path, text, os.replace)
    return added


def check_value(tokenizer: Tokenizer) -> str:
    """Return eight digits that differ for different keys and reveal nothing else: to compare two files."""
    return hashlib.sha256(b"fraudstream card token key\0" + tokenizer.key).hexdigest()[:8]


def _written(path: Path, text: str, place: Callable[[Path, Path], None]) -> None:
    """Write a draft that only its owner can read, and put it into its place."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    try:
        draft.write_text(text, encoding="utf-8")
        place(draft, path)
    finally:
        draft.unlink(missing_ok=True)
