"""Which topics webhooks are told of, and how a record becomes an event."""

from collections.abc import Sequence
from typing import Any

import msgspec

from fraudstream import topics
from fraudstream.adapters.database.webhooks import Delivery, now_ms
from fraudstream.settings import Settings

SOURCES = {"alerts": ("alert", topics.ALERTS), "cases": ("case", topics.CASES)}
"""What a webhook can be added for -> the type of its events, and the topic that they are on."""


def topics_of(sources: Sequence[str], settings: Settings) -> dict[str, str]:
    """Return the full names of topics, and the type of the events on each."""
    return {settings.topic(SOURCES[each][1].name): SOURCES[each][0] for each in sources}


def event_id(topic: str, partition: int, offset: int) -> str:
    """Return the id of the event that is a record; the same whenever and to whomever it is sent."""
    return f"{topic}-{partition}-{offset}"


def delivery(kind: str, event: str, at_ms: int, value: bytes) -> Delivery | None:
    """Return what is sent of a record; None if its value is no JSON, which nobody of ours writes."""
    try:
        data = msgspec.json.decode(value, type=msgspec.Raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return Delivery(event, body_of(kind, event, at_ms, data), now_ms())


def body_of(kind: str, event: str, at_ms: int, data: Any) -> str:
    """Return the body of a request."""
    return msgspec.json.encode({"id": event, "type": kind, "created": at_ms, "data": data}).decode()
