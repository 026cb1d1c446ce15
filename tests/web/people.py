"""Users of the pages in tests: real scrypt, at a cost that every test can pay; a hash says itself what it costs."""

import base64
import hashlib

COST = (16, 8, 1)


def cheap_hash(password: str) -> str:
    """Return a hash as `password_hash` makes it, of a thousandth of the cost: nobody has to be kept from guessing here."""
    n, r, p = COST
    salt = password.encode()[:16].ljust(16)
    hashed = hashlib.scrypt(password.encode(), salt=salt, n=n, r=r, p=p, dklen=32)
    return "$".join(
        ["scrypt", *map(str, COST), *(base64.b64encode(part).decode() for part in (salt, hashed))]
    )
