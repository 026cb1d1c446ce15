"""Feature groups in SageMaker's control plane: created from our declaration, and compared with it."""

import asyncio
import time
from typing import Any

from fraudstream.adapters.weekly.sagemaker_client import StoreRefused, translate_errors
from fraudstream.domain.errors import SetupError
from fraudstream.domain.feature_group import FeatureGroup

CREATION_POLL_S, CREATION_MAX_S = 0.5, 300.0


async def create_group(control: Any, group: FeatureGroup) -> bool:
    """Make a group (online only) and wait until it can be used; False if it was there and fits."""
    definition = {
        "FeatureGroupName": group.name,
        "RecordIdentifierFeatureName": group.record_identifier,
        "EventTimeFeatureName": group.event_time,
        "FeatureDefinitions": [
            {"FeatureName": name, "FeatureType": kind} for name, kind in group.features.items()
        ],
        "OnlineStoreConfig": {
            "EnableOnlineStore": True,
            "TtlDuration": {"Unit": "Days", "Value": group.ttl_days},
        },
    }
    try:
        with translate_errors():
            await control.create_feature_group(**definition)
    except StoreRefused as error:
        if error.code == "ResourceInUse":
            await describe_group(control, group)
            return False
        raise
    deadline = time.monotonic() + CREATION_MAX_S
    while (status := (await describe_group(control, group))["status"]) != "Created":
        if status != "Creating" or time.monotonic() > deadline:
            raise SetupError(f"the feature group {group.name} is {status}")
        await asyncio.sleep(CREATION_POLL_S)
    return True


async def describe_group(control: Any, group: FeatureGroup) -> dict[str, Any]:
    """Return a group as Feature Store has it; raises SetupError if there is none or its schema is not ours."""
    with translate_errors():
        found = await control.describe_feature_group(FeatureGroupName=group.name)
        described = {
            "name": found["FeatureGroupName"],
            "status": found["FeatureGroupStatus"],
            "record_identifier": found["RecordIdentifierFeatureName"],
            "event_time": found["EventTimeFeatureName"],
            "features": {
                feature["FeatureName"]: feature["FeatureType"] for feature in found["FeatureDefinitions"]
            },
            "ttl_days": found.get("OnlineStoreConfig", {}).get("TtlDuration", {}).get("Value"),
        }
    expected = [group.record_identifier, group.event_time, dict(group.features)]
    if expected != [described[name] for name in ("record_identifier", "event_time", "features")]:
        raise SetupError(f"the feature group {group.name} has another schema than ours: {described}")
    return described
