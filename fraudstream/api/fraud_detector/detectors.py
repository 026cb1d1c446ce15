"""Detectors and their versions: which rules judge events of a type, in which order, and which version does it now."""

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

from fraudstream.adapters.database.resources import Resource, Resources
from fraudstream.api.fraud_detector import model_versions, rules
from fraudstream.api.fraud_detector.definitions import (
    DETECTOR,
    DETECTOR_VERSION,
    EVENT_TYPE,
    RULE,
    Kind,
    put,
    remove,
)
from fraudstream.api.fraud_detector.definitions import found as definition_found
from fraudstream.api.fraud_detector.errors import absent, conflict, invalid
from fraudstream.api.fraud_detector.shapes import Body, Operation, arn, page, shown

DETECTORS = Kind(DETECTOR, "detectors", (RULE, DETECTOR_VERSION), "detectorId", key="detectorId")
VERSION = "detectorVersionId"
ACTIVE, INACTIVE, DRAFT = "ACTIVE", "INACTIVE", "DRAFT"
SINCE, SINCE_MAX = "since", 100
"""Member of a version's document: when it got which status, and how many of these are kept."""
MODE = "ruleExecutionMode"
FIRST_MATCHED = "FIRST_MATCHED"


def put_detector(resources: Resources, asked: Body) -> Body:
    """Make a detector, or change its description."""
    if resources.get(EVENT_TYPE, asked["eventTypeName"]) is None:
        raise invalid(f"event type {asked['eventTypeName']} does not exist.")
    before = resources.get(DETECTOR, asked["detectorId"])
    if before is not None and before.document["eventTypeName"] != asked["eventTypeName"]:
        raise invalid(f"detector {before.name} is of events of the type {before.document['eventTypeName']}.")
    return put(DETECTORS, resources, asked)


def describe(resources: Resources, asked: Body) -> Body:
    """Return a detector with a summary of its versions."""
    detector = _detector(resources, asked)
    versions = page("detectorVersionSummaries", resources.all(DETECTOR_VERSION, detector.name), asked)
    members = (VERSION, "status", "description", "lastUpdatedTime")
    summaries = [
        {member: each[member] for member in members if member in each}
        for each in versions["detectorVersionSummaries"]
    ]
    return versions | {
        "detectorId": detector.name,
        "arn": arn(detector),
        "detectorVersionSummaries": summaries,
    }


def create_version(resources: Resources, asked: Body) -> Body:
    """Make the next version, as a draft."""
    detector = _detector(resources, asked)
    before = resources.all(DETECTOR_VERSION, detector.name)
    number = before[-1].version + 1 if before else 1
    document = {"modelVersions": [], MODE: FIRST_MATCHED, "status": DRAFT} | asked | {VERSION: str(number)}
    _check(resources, detector, document)
    resources.put(DETECTOR_VERSION, detector.name, document, number)
    return {name: document[name] for name in ("detectorId", VERSION, "status")}


def update_version(resources: Resources, asked: Body) -> Body:
    """Change a draft."""
    version = version_named(resources, asked)
    if version.document["status"] != DRAFT:
        raise conflict(f"version {version.version} of detector {version.name} is not a draft.")
    document = version.document | asked
    _check(resources, _detector(resources, asked), document)
    resources.put(DETECTOR_VERSION, version.name, document, version.version)
    return {}


def describe_version(resources: Resources, asked: Body) -> Body:
    """Change the description of a version."""
    version = version_named(resources, asked)
    resources.put(DETECTOR_VERSION, version.name, version.document | asked, version.version)
    return {}


def set_status(resources: Resources, asked: Body) -> Body:
    """Let a version judge, or stop it; the one that did before stops. A draft that is stopped stays a draft."""
    version, status = version_named(resources, asked), asked["status"]
    before = version.document["status"]
    if status == DRAFT and before != DRAFT:
        raise invalid(f"version {version.version} of detector {version.name} cannot be a draft again.")
    if status == ACTIVE:
        _check(resources, _detector(resources, asked), version.document)
        for other in resources.all(DETECTOR_VERSION, version.name):
            if other.document["status"] == ACTIVE:
                _put_status(resources, other, INACTIVE)
    if not (status == INACTIVE and before == DRAFT):
        _put_status(resources, version, status)
    return {}


def version_found(resources: Resources, asked: Body) -> Body:
    """Return a version."""
    return shown(version_named(resources, asked))


def remove_version(resources: Resources, asked: Body) -> Body:
    """Remove a version that is not active."""
    number = int(asked[VERSION])
    version = resources.get(DETECTOR_VERSION, asked["detectorId"], number)
    if version is not None and version.document["status"] == ACTIVE:
        raise conflict(f"version {number} of detector {version.name} cannot be deleted: it is active.")
    resources.delete(DETECTOR_VERSION, asked["detectorId"], number)
    return {}


def version_named(resources: Resources, asked: Mapping[str, Any]) -> Resource:
    """Return the version that a request names; raises ServiceError."""
    version = resources.get(DETECTOR_VERSION, asked["detectorId"], int(asked[VERSION]))
    if version is None:
        raise absent(f"version {asked[VERSION]} of detector {asked['detectorId']} does not exist.")
    return version


def version_or_active(resources: Resources, asked: Mapping[str, Any]) -> Resource:
    """Return the version that is named, or the active one; raises ServiceError."""
    if VERSION in asked:
        return version_named(resources, asked)
    for version in resources.all(DETECTOR_VERSION, asked["detectorId"]):
        if version.document["status"] == ACTIVE:
            return version
    raise absent(f"detector {asked['detectorId']} has no active version.")


def check_parts(resources: Resources, version: Resource) -> None:
    """Raise ServiceError unless a version can be ACTIVE."""
    _check(resources, _detector(resources, version.document), version.document)


def _detector(resources: Resources, asked: Mapping[str, Any]) -> Resource:
    detector = resources.get(DETECTOR, asked["detectorId"])
    if detector is None:
        raise absent(f"detector {asked['detectorId']} does not exist.")
    return detector


def status_at(version: Resource, epoch_ms: int) -> str:
    """Return the status that a version had at a moment."""
    status = DRAFT
    for since_ms, then in version.document.get(SINCE, ()):
        if since_ms <= epoch_ms:
            status = then
    return status


def _put_status(resources: Resources, version: Resource, status: str) -> None:
    since = [*version.document.get(SINCE, ()), [time.time_ns() // 1_000_000, status]]
    document = version.document | {"status": status, SINCE: since[-SINCE_MAX:]}
    resources.put(DETECTOR_VERSION, version.name, document, version.version)


def _check(resources: Resources, detector: Resource, document: Mapping[str, Any]) -> None:
    """Raise ServiceError unless rules and models of a version exist and are of its detector."""
    if document.get("externalModelEndpoints"):
        raise invalid(rules.NOT_INVOKED)
    for rule in document["rules"]:
        if rule["detectorId"] != detector.name or rules.named(resources, rule) is None:
            raise absent(f"rule {rule['ruleId']} of version {rule['ruleVersion']} does not exist.")
    for each in document["modelVersions"]:
        model = model_versions.usable(resources, each)
        if model.document["eventTypeName"] != detector.document["eventTypeName"]:
            raise invalid(f"model {model.name} is of events of another type.")


OPERATIONS: Mapping[str, Operation] = {
    "PutDetector": put_detector,
    "GetDetectors": partial(definition_found, DETECTORS),
    "DescribeDetector": describe,
    "DeleteDetector": partial(remove, DETECTORS),
    "CreateDetectorVersion": create_version,
    "GetDetectorVersion": version_found,
    "UpdateDetectorVersion": update_version,
    "UpdateDetectorVersionMetadata": describe_version,
    "UpdateDetectorVersionStatus": set_status,
    "DeleteDetectorVersion": remove_version,
}
