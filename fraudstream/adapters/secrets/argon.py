"""Passwords of people as Argon2id hashes: a guess costs 64 MiB and a twentieth of a second."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from fraudstream.domain.errors import SetupError

CHARACTERS_MIN = 12
CHARACTERS_MAX = 1_000
_HASHER = PasswordHasher()


def hashed(password: str) -> str:
    """Return the hash to keep of a password; raises SetupError if it is too short or too long."""
    if not CHARACTERS_MIN <= len(password) <= CHARACTERS_MAX:
        raise SetupError(f"a password has {CHARACTERS_MIN} to {CHARACTERS_MAX:,} characters")
    return _HASHER.hash(password)


def fits(password: str, known: str | None) -> bool:
    """Tell whether a password has this hash; where there is none it takes as long, and does not."""
    try:
        _HASHER.verify(known or _nobodys(), password[:CHARACTERS_MAX])
    except (VerificationError, InvalidHashError):
        return False
    return known is not None


@cache
def _nobodys() -> str:
    return _HASHER.hash("the password of nobody")
