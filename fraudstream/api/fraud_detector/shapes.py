"""What answers have in common: names of resources, times as text, pages."""

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from fraudstream.adapters.database.resources import Resource, Resources
from fraudstream.api.fraud_detector.errors import invalid
from fraudstream.api.fraud_detector.service import PER_PAGE

Body = dict[str, Any]
Operation = Callable[[Resources, Body], Body]
"""Answers a request within one transaction; raises ServiceError."""
Handler = Callable[[Body], Awaitable[Body]]
"""Answers one that needs more than the database; raises ServiceError or FraudstreamError."""

ARN = "arn:aws:frauddetector:us-east-1:000000000000:"
"""What names of resources begin with: SDKs want region and account, and there is only one of each here."""

TAGS = "tags"
JOB = "job"
"""Member of a document: the job that works on it, or did."""
NOT_SHOWN = frozenset({TAGS, PER_PAGE, JOB, "ended", "processed", "total", "release", "registered", "since"})
"""Members of documents that are ours alone."""


def arn(resource: Resource) -> str:
    """Return the name of a resource."""
    version = f"/{resource.version}" if resource.version else ""
    return f"{ARN}{resource.kind}/{resource.name}{version}"


def time_text(epoch_ms: int) -> str:
    """Return a time as the service writes it."""
    moment = datetime.fromtimestamp(epoch_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shown(resource: Resource) -> Body:
    """Return a resource as it is answered."""
    own = {name: value for name, value in resource.document.items() if name not in NOT_SHOWN}
    return own | {
        "arn": arn(resource),
        "createdTime": time_text(resource.created_at),
        "lastUpdatedTime": time_text(resource.updated_at),
    }


def page(member: str, found: Sequence[Resource], asked: Mapping[str, Any]) -> Body:
    """Return a page under the name of its member, and the token of the next if there is one; raises ServiceError.

    A token says after which resource the page begins, so that what is made or removed meanwhile shifts nothing.
    """
    after = _place(asked.get("nextToken"))
    rest = [each for each in found if after is None or (each.name, each.version) > after]
    here = rest[: asked[PER_PAGE]]
    answer: Body = {member: [shown(each) for each in here]}
    if len(rest) > len(here):
        place = msgspec.json.encode((here[-1].name, here[-1].version))
        answer["nextToken"] = base64.urlsafe_b64encode(place).decode()
    return answer


def _place(token: str | None) -> tuple[str, int] | None:
    if not token:
        return None
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(token), type=tuple[str, int])
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise invalid("the nextToken is not one that was given here") from error
