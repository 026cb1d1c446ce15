"""An event as Fraud Detector's programs send it: all values are text."""

import math
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from fraudstream.api.fraud_detector.errors import invalid
from fraudstream.domain.detectorpl.condition import Value
from fraudstream.domain.events.event_type import EventType

NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", re.ASCII)
WHOLE = re.compile(r"[-+]?\d+", re.ASCII)
TRUTH = {"true": True, "false": False}


def record(event_type: EventType, asked: Mapping[str, Any]) -> bytes:
    """Return an event as it goes into the log: its variables under their names, and id, time and entity where they belong.

    The entity is the variable of that name, if there is one, else the first entity of the request.
    """
    fields: dict[str, str] = dict(asked["eventVariables"])
    if event_type.id is not None:
        fields[event_type.id] = asked["eventId"]
    for name in event_type.time.fields:
        fields.pop(name, None)
    for name in event_type.time.fields[:1]:
        fields[name] = asked["eventTimestamp"]
    if event_type.entity is not None and asked["entities"]:
        fields.setdefault(event_type.entity.field, asked["entities"][0]["entityId"])
    return msgspec.json.encode(fields)


def value(name: str, data_type: str, text: str) -> Value:
    """Return the value of a variable; raises ServiceError."""
    match data_type:
        case "INTEGER" | "FLOAT":
            fits = (WHOLE if data_type == "INTEGER" else NUMBER).fullmatch(text.strip())
            number = float(text) if fits else math.inf
            if math.isfinite(number):
                return number
            raise invalid(f"the value of variable {name} is not of the type {data_type}.")
        case "BOOLEAN":
            if (truth := TRUTH.get(text.strip().lower())) is not None:
                return truth
            raise invalid(f"the value of variable {name} is not of the type {data_type}.")
    return text
