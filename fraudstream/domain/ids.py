"""Transaction ids: kept as they came where they fit, by hash where they do not, so that no payment fails for its name."""

import re
from hashlib import sha256

ID_CHARACTERS_MAX = 128

HASH_PREFIX, KEYED_PREFIX = "sha256:", "hmac-sha256:"
"""What the ids begin with that are kept by hash; 32 hexadecimal digits follow."""

HASH_DIGITS = 32
"""128 bits: among 10^9 ids two are equal by chance with a probability of 10^-21."""

fits = re.compile(rf"(?!(?:hmac-)?sha256:)[\x21-\x7e]{{1,{ID_CHARACTERS_MAX}}}").fullmatch
"""Printable ASCII without spaces. What begins like a hash does not fit: so no id as it came is ever equal to a hash."""

NOT_DIGITS = bytes(byte for byte in range(256) if byte not in b"0123456789")
"""What to take out of an id to have its digits (0.1 µs)."""


def hashed(text: str) -> str:
    """Return the id by which an id is kept that does not fit; anybody can compute it.

    >>> hashed("order 7 🛒")
    'sha256:889a33f5db422d0b143615ad9db5e7bc'
    """
    return HASH_PREFIX + sha256(text.encode()).hexdigest()[:HASH_DIGITS]
