"""Signatures of requests (AWS Signature Version 4), computed again with botocore's own code.

The access key id is the API key itself, and so is the secret access key: only a key's hash is kept here, so the key has to
come with the request, as it does elsewhere in `Authorization: Bearer`. The signature says that nothing else was changed.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from fraudstream.api.fraud_detector.errors import FORBIDDEN, ServiceError
from fraudstream.api.fraud_detector.service import SERVICE

AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/\s,]{1,128})/(?P<day>\d{8})/(?P<region>[a-z0-9-]{1,32})/(?P<service>[a-z0-9-]{1,32})"
    r"/aws4_request,\s*SignedHeaders=(?P<headers>[a-z0-9;-]{1,1024}),\s*Signature=(?P<signature>[0-9a-f]{64})"
)
AGE_S_MAX = 900.0
"""A request may be signed so long ago, or so far ahead: AWS's own limit."""

TIME = "%Y%m%dT%H%M%SZ"
TARGET = "x-amz-target"
SIGNED = frozenset({"host", "x-amz-date"})
"""Headers without which a signature would not say what is asked, of whom and when; where there is a target, that, too."""


def signer(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    now_s: float,
    method: str = "POST",
    service: str = SERVICE,
) -> str:
    """Return the key that signed a request, which is still to be looked up; raises ServiceError."""
    text = headers.get("authorization")
    if not text:
        raise _refused("MissingAuthenticationTokenException", "the request is not signed")
    found = AUTHORIZATION.fullmatch(text)
    if found is None:
        raise _refused("IncompleteSignatureException", "this is not a signature of the version 4")
    names = found["headers"].split(";")
    needed = SIGNED | ({TARGET} & set(headers))
    if not needed <= set(names) or not set(names) <= set(headers):
        raise _refused(
            "IncompleteSignatureException", f"signed headers must be among {', '.join(sorted(needed))}"
        )
    if found["service"] != service:
        raise _refused("InvalidSignatureException", f"the request is signed for {found['service']}")
    _check_time(headers["x-amz-date"], found["day"], now_s)
    hashed = headers.get("x-amz-content-sha256")
    if hashed is not None and hashed != hashlib.sha256(body).hexdigest():
        raise _refused("InvalidSignatureException", "the body is not the one that was signed")
    request = AWSRequest(method, url, {name: headers[name] for name in names}, body)
    request.context["timestamp"] = headers["x-amz-date"]
    auth = SigV4Auth(Credentials(found["key"], found["key"]), service, found["region"])
    expected = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
    if not hmac.compare_digest(expected, found["signature"]):
        raise _refused(
            "InvalidSignatureException",
            "the signature does not match; the access key id and the secret access key are both the API key",
        )
    return found["key"]


def _check_time(text: str, day: str, now_s: float) -> None:
    try:
        at = datetime.strptime(text, TIME).replace(tzinfo=UTC)
    except ValueError as error:
        raise _refused("IncompleteSignatureException", "X-Amz-Date is not a time") from error
    if text[:8] != day or abs(at.timestamp() - now_s) > AGE_S_MAX:
        raise _refused("InvalidSignatureException", "the signature has expired: compare the clocks")


def _refused(code: str, message: str) -> ServiceError:
    return ServiceError(code, message, FORBIDDEN)
