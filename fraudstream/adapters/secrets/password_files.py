"""Names and passwords in a file: lines `name:scrypt-hash`; the passwords themselves are nowhere."""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from pathlib import Path

from fraudstream.domain.errors import SetupError

NAME = re.compile(r"[A-Za-z0-9_.@-]{1,64}")
PASSWORD_CHARACTERS_MIN = 12
SALT_BYTES = 16
HASH_BYTES = 32
COST = (2**15, 8, 3)
"""scrypt's n, r and p: 32 MB and about a quarter of a second a guess."""

MEMORY_BYTES_MAX = 256 << 20
COST_MAX = (2**17, 16, 16)
"""A hash that asks for more would keep a worker from its payments."""

HASH = re.compile(r"scrypt\$(\d{1,7})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9+/=]{16,})\$([A-Za-z0-9+/=]{16,})")


def password_hash(password: str) -> str:
    """Return `scrypt$n$r$p$salt$hash` with a new salt."""
    salt = secrets.token_bytes(SALT_BYTES)
    parts = (base64.b64encode(part).decode() for part in (salt, _scrypt(password, salt, *COST, HASH_BYTES)))
    return "$".join(["scrypt", *map(str, COST), *parts])


def password_fits(password: str, hashed: str) -> bool:
    """Compare a password with a hash made by `password_hash`; slow on purpose, and it lets other threads run."""
    found = HASH.fullmatch(hashed)
    assert found is not None, "hashes are checked when they are read"
    n, r, p = (int(found[number]) for number in (1, 2, 3))
    salt, expected = base64.b64decode(found[4]), base64.b64decode(found[5])
    return hmac.compare_digest(_scrypt(password, salt, n, r, p, len(expected)), expected)


def read_users(path: Path) -> dict[str, str]:
    """Return name -> hash; empty lines and lines that start with # are left out.

    Raises SetupError, which never repeats what stands in the file, if it is missing, empty or malformed.
    """
    mend = f"write it with: fraudstream web-user NAME --file {path}"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"the users file {path} cannot be read; {mend}") from error
    users: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, hashed = line.strip().partition(":")
        if not NAME.fullmatch(name) or name in users or not _usable(hashed):
            raise SetupError(
                f"line {number} of the users file {path} is not `name:scrypt-hash`, or repeats a name; {mend}"
            )
        users[name] = hashed
    if not users:
        raise SetupError(f"the users file {path} has no user; {mend}")
    return users


def put_user(path: Path, name: str, hashed: str) -> None:
    """Add a user, or give one a new password; a new file is for its owner only, an old one keeps owner and mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    others = [
        line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith(f"{name}:")
    ]
    path.write_text("\n".join([*others, f"{name}:{hashed}", ""]), encoding="utf-8")


def _usable(hashed: str) -> bool:
    """Return True for a hash that scrypt can be asked about at a bearable cost."""
    found = HASH.fullmatch(hashed)
    if found is None:
        return False
    n, r, p = (int(found[number]) for number in (1, 2, 3))
    if n < 2 or n & (n - 1) or not r or not p:
        return False
    try:
        parts = [base64.b64decode(found[number], validate=True) for number in (4, 5)]
    except binascii.Error:
        return False
    bearable = all(value <= most for value, most in zip((n, r, p), COST_MAX, strict=True))
    return bearable and 128 * n * r < MEMORY_BYTES_MAX // 2 and all(len(part) >= SALT_BYTES for part in parts)


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int, length: int) -> bytes:
    return hashlib.scrypt(
        password.encode("utf-8", "surrogateescape"),
        salt=salt,
        n=n,
        r=r,
        p=p,
        maxmem=MEMORY_BYTES_MAX,
        dklen=length,
    )
