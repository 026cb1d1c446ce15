"""What the fake keeps and which requests it refuses, with AWS's limits, error codes and messages."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

IDS_PER_CALL = 100
GROUPS_PER_CALL = 10
RECORD_BYTES_MAX = 350 * 1024
TYPES = {"Integral": int, "Fractional": float, "String": str}
UNITS = {"Seconds": "seconds", "Minutes": "minutes", "Hours": "hours", "Days": "days", "Weeks": "weeks"}

Json = dict[str, Any]
Record = list[dict[str, str]]


class Refusal(Exception):
    """An error answer: HTTP status, AWS's code, and a message."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Quota:
    """At most so many requests a second, with a second's worth of burst."""

    def __init__(self, per_s: float) -> None:
        self.per_s = per_s
        self._left = per_s
        self._at = time.monotonic()

    def take(self) -> None:
        """Count a request; raises ThrottlingException."""
        now = time.monotonic()
        self._left = min(self.per_s, self._left + (now - self._at) * self.per_s)
        self._at = now
        if self._left < 1:
            raise Refusal(400, "ThrottlingException", "Rate exceeded")
        self._left -= 1


@dataclass
class Group:
    """A feature group: what CreateFeatureGroup was told, and the newest record of every identifier."""

    definition: Json
    created: float = field(default_factory=time.time)
    records: dict[str, tuple[float, float, Record]] = field(default_factory=dict)
    """Identifier -> event time, expiry (epoch s) and record."""

    @property
    def types(self) -> dict[str, str]:
        """Feature -> type."""
        return {one["FeatureName"]: one["FeatureType"] for one in self.definition["FeatureDefinitions"]}

    def put(self, record: Record) -> None:
        """Keep a record unless a newer one is there; raises ValidationError."""
        values = {one["FeatureName"]: one["ValueAsString"] for one in record}
        identifier, event_time = (
            self.definition[f"{name}FeatureName"] for name in ("RecordIdentifier", "EventTime")
        )
        for required in (identifier, event_time):
            if not values.get(required):
                raise invalid(f"Missing required feature value for feature [{required}]")
        for name, value in values.items():
            if name not in self.types:
                raise invalid(f"Feature [{name}] is not defined in the feature group")
            try:
                TYPES[self.types[name]](value)
            except ValueError as error:
                raise invalid(f"Feature [{name}] is not {self.types[name]}: {value}") from error
        if sum(len(name) + len(value) for name, value in values.items()) > RECORD_BYTES_MAX:
            raise invalid("Record size exceeds the limit of 350KB")
        at = _epoch(values[event_time])
        known = self.records.get(values[identifier])
        if known is None or known[0] <= at:
            self.records[values[identifier]] = (at, at + self._ttl_s(), record)

    def get(self, identifier: str) -> Record | None:
        """Return the record of an identifier unless it has expired."""
        _, expires, record = self.records.get(identifier, (0.0, 0.0, None))
        return record if expires > time.time() else None

    def _ttl_s(self) -> float:
        ttl = self.definition["OnlineStoreConfig"].get("TtlDuration")
        return timedelta(**{UNITS[ttl["Unit"]]: ttl["Value"]}).total_seconds() if ttl else float("inf")


class Store:
    """All groups of the one account there is."""

    def __init__(self, batch_gets_per_s: float, others_per_s: float, creation_s: float = 0.0) -> None:
        self.groups: dict[str, Group] = {}
        self.batch_gets = Quota(batch_gets_per_s)
        self.others = Quota(others_per_s)
        self._creation_s = creation_s

    def create(self, definition: Json) -> Json:
        """CreateFeatureGroup."""
        self.others.take()
        name = definition["FeatureGroupName"]
        if name in self.groups:
            raise Refusal(400, "ResourceInUse", f"Resource Already Exists: FeatureGroup {name}")
        types = {one["FeatureType"] for one in definition["FeatureDefinitions"]}
        if not types <= set(TYPES) or not definition.get("OnlineStoreConfig", {}).get("EnableOnlineStore"):
            raise invalid("feature types or store configuration are not supported")
        self.groups[name] = Group(definition)
        return {"FeatureGroupArn": _arn(name)}

    def describe(self, name: str) -> Json:
        """DescribeFeatureGroup."""
        self.others.take()
        group = self.group(name)
        ready = time.time() - group.created >= self._creation_s
        return {
            **group.definition,
            "FeatureGroupArn": _arn(name),
            "CreationTime": group.created,
            "FeatureGroupStatus": "Created" if ready else "Creating",
            "NextToken": "",
        }

    def group(self, name: str) -> Group:
        """Return a group; raises ResourceNotFound."""
        if name not in self.groups:
            raise Refusal(404, "ResourceNotFound", f"Resource Not Found: FeatureGroup with name {name}")
        return self.groups[name]

    def put(self, name: str, record: Record) -> None:
        """PutRecord."""
        self.others.take()
        self.group(name).put(record)

    def get(self, name: str, identifier: str) -> Json:
        """GetRecord."""
        self.others.take()
        record = self.group(name).get(identifier)
        return {} if record is None else {"Record": record}

    def batch_get(self, identifiers: list[Json]) -> Json:
        """BatchGetRecord; identifiers without a record are absent from the answer."""
        self.batch_gets.take()
        asked = [
            (one["FeatureGroupName"], each)
            for one in identifiers
            for each in one["RecordIdentifiersValueAsString"]
        ]
        if not 0 < len(asked) <= IDS_PER_CALL or len(identifiers) > GROUPS_PER_CALL:
            raise invalid(
                f"1 to {IDS_PER_CALL} identifiers of at most {GROUPS_PER_CALL} groups, not {len(asked)}"
            )
        found = [(name, each, self.group(name).get(each)) for name, each in asked]
        records = [
            {"FeatureGroupName": name, "RecordIdentifierValueAsString": each, "Record": record}
            for name, each, record in found
            if record is not None
        ]
        return {"Records": records, "Errors": [], "UnprocessedIdentifiers": []}


def invalid(message: str) -> Refusal:
    """Return a ValidationError."""
    return Refusal(400, "ValidationError", f"Validation Error: {message}")


def _epoch(text: str) -> float:
    """Read an event time: ISO 8601 in UTC, or epoch seconds."""
    try:
        return datetime.fromisoformat(text).timestamp() if "T" in text else float(text)
    except ValueError as error:
        raise invalid(f"event time {text}") from error


def _arn(name: str) -> str:
    return f"arn:aws:sagemaker:us-east-1:123456789012:feature-group/{name}"
