"""The key that the secrets of webhooks are made of: 64 hexadecimal digits in a file, so that the database holds no secret."""

import hashlib
import hmac
from pathlib import Path

from fraudstream.adapters.secrets import token_keys
from fraudstream.domain.errors import SetupError

PREFIX = "whsec_"


def read_or_made(path: Path, *, may_make: bool) -> bytes:
    """Return the key in a file; one that is not there is made if it may be. Raises SetupError."""
    if may_make and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        token_keys.make_first(path)
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise SetupError(
            f"the key of webhooks {path} cannot be read; restore it, or make one with: openssl rand -hex 32"
        ) from error
    if len(key) < token_keys.KEY_BYTES:
        raise SetupError(
            f"the key of webhooks in {path} has fewer than {2 * token_keys.KEY_BYTES} hexadecimal digits"
        )
    return key


def secret_of(key: bytes, webhook: str) -> str:
    """Return what signs the events of a webhook."""
    return PREFIX + hmac.digest(key, f"webhook {webhook}".encode(), hashlib.sha256).hex()
