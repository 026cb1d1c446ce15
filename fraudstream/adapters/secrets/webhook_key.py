"""The key that the secrets of webhooks are made of: 64 hexadecimal digits in a file, so that the database holds no secret."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from fraudstream.domain.errors import SetupError

KEY_BYTES = 32
PREFIX = "whsec_"


def read_or_made(path: Path, *, may_make: bool) -> bytes:
    """Return the key in a file; one that is not there is made if it may be. Raises SetupError."""
    if may_make and not path.exists():
        _make(path)
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise SetupError(
            f"the key of webhooks {path} cannot be read; restore it, or make one with: openssl rand -hex 32"
        ) from error
    if len(key) < KEY_BYTES:
        raise SetupError(f"the key of webhooks in {path} has fewer than {2 * KEY_BYTES} hexadecimal digits")
    return key


def secret_of(key: bytes, webhook: str) -> str:
    """Return what signs the events of a webhook."""
    return PREFIX + hmac.digest(key, f"webhook {webhook}".encode(), hashlib.sha256).hex()


def _make(path: Path) -> None:
    """Make a key; of several processes the first wins, since the finished file is linked into place."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    try:
        draft.write_text(secrets.token_hex(KEY_BYTES) + "\n")
        if not path.exists():
            os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
