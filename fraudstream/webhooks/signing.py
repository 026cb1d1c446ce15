"""Signs what is sent, so that a receiver knows who sent it and when."""

import hashlib
import hmac

SIGNATURE_HEADER = "Fraudstream-Signature"
ID_HEADER = "Fraudstream-Id"
ATTEMPT_HEADER = "Fraudstream-Attempt"


def signature(secret: str, at_s: int, body: bytes) -> str:
    """Return the value of the header: the time in epoch seconds, and the HMAC-SHA256 of `time.body` in hexadecimal.

    >>> signature("whsec_0", 1_764_230_400, b"{}")[:15]
    't=1764230400,v1'
    """
    signed = hmac.digest(secret.encode(), b"%d.%s" % (at_s, body), hashlib.sha256)
    return f"t={at_s},v1={signed.hex()}"
