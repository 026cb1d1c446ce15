"""Versions of models: what was trained, or is in training, and the version of our registry that came of it."""

from collections.abc import Mapping
from typing import Any

from fraudstream.adapters.database.resources import Resource, Resources
from fraudstream.api.fraud_detector import models
from fraudstream.api.fraud_detector.definitions import DETECTOR_VERSION, EVENT_TYPE, MODEL_VERSION
from fraudstream.api.fraud_detector.errors import absent, conflict, invalid
from fraudstream.api.fraud_detector.shapes import JOB, Body, Operation, arn, page, shown
from fraudstream.api.fraud_detector.training_result import newer_result
from fraudstream.api.fraud_detector.work import Words, new_job, now
from fraudstream.domain.registry.versions import MINOR_MAX, Version

TRAINING, COMPLETE, ACTIVE = "TRAINING_IN_PROGRESS", "TRAINING_COMPLETE", "ACTIVE"
WORDS = Words((TRAINING,), "ERROR", "TRAINING_CANCELLED")
REGISTERED = "registered"
"""Member of a document: the version's number in our registry, once it is trained."""

RESULT, RESULT_V2 = "trainingResult", "trainingResultV2"
SIMULTANEOUS = "Simultaneous training for the same major version not allowed"
"""Programs read this sentence."""

TRAINED_FROM = ("trainingDataSource", "trainingDataSchema", "externalEventsDetail", "ingestedEventsDetail")
OF_A_VERSION = ("modelId", "modelType", "modelVersionNumber", "status")
DETAIL = {"EXTERNAL_EVENTS": "externalEventsDetail", "INGESTED_EVENTS": "ingestedEventsDetail"}


def key_of(version: Version) -> int:
    """Return the number under which a version is kept."""
    return version.major * (MINOR_MAX + 1) + version.minor


def number_of(resource: Resource) -> Version:
    """Return the number of a version that is kept."""
    return Version(*divmod(resource.version, MINOR_MAX + 1))


def of(resources: Resources, model: str) -> list[Resource]:
    """Return the versions of a model that were trained here, or are, the oldest number first."""
    return [now(each, WORDS) for each in resources.all(MODEL_VERSION, model)]


def find(resources: Resources, asked: Mapping[str, Any]) -> Resource | None:
    """Return the version that a request names, 1.00 for 1.0; None if it was not trained here."""
    number = Version.parsed(asked["modelVersionNumber"])
    found = resources.get(MODEL_VERSION, asked["modelId"], key_of(number))
    return None if found is None else now(found, WORDS)


def usable(resources: Resources, asked: Mapping[str, Any]) -> Resource:
    """Return the model of a version that a detector may use; raises ServiceError."""
    model = models.named(resources, asked)
    version = find(resources, asked)
    if version is not None and version.document["status"] != ACTIVE:
        raise invalid(f"version {asked['modelVersionNumber']} of model {model.name} is not ACTIVE.")
    if version is None:
        _check_untrained(resources, model, asked["modelVersionNumber"])
    return model


def begin(resources: Resources, asked: Body) -> Resource:
    """Record the first version of a new major number, in training."""
    model = models.named(resources, asked)
    before = _none_in_training(resources, model)
    major = max((number_of(each).major for each in before), default=0) + 1
    return _begun(resources, model, asked, Version(major, 0))


def begin_update(resources: Resources, asked: Body) -> Resource:
    """Record the next version of a major number, in training; what the request leaves out is as in the newest of it."""
    model, major = models.named(resources, asked), int(asked.pop("majorVersionNumber"))
    before = [each for each in _none_in_training(resources, model) if number_of(each).major == major]
    if not before:
        raise absent(f"model {model.name} has no version {major}.")
    minor = number_of(before[-1]).minor
    if minor == MINOR_MAX:
        raise invalid(f"version {major} of model {model.name} has {MINOR_MAX} updates; create another one.")
    newest = {name: before[-1].document[name] for name in TRAINED_FROM if name in before[-1].document}
    return _begun(resources, model, newest | asked, Version(major, minor + 1))


def _none_in_training(resources: Resources, model: Resource) -> list[Resource]:
    before = of(resources, model.name)
    if any(each.document["status"] == TRAINING for each in before):
        raise invalid(SIMULTANEOUS)
    return before


def _begun(resources: Resources, model: Resource, asked: Body, number: Version) -> Resource:
    source = asked["trainingDataSource"]
    if DETAIL[source] not in asked:
        raise invalid(f"{DETAIL[source]} is missing, and the training data are {source}.")
    event_type = resources.get(EVENT_TYPE, model.document["eventTypeName"])
    known = [] if event_type is None else event_type.document["eventVariables"]
    wanted = asked["trainingDataSchema"]["modelVariables"]
    if unknown := [name for name in wanted if name not in known]:
        raise absent(f"VariableIds: [{', '.join(unknown)}] do not exist.")
    document = asked | {"modelVersionNumber": str(number), "status": TRAINING, JOB: new_job()}
    resources.put(MODEL_VERSION, model.name, document, key_of(number))
    begun = resources.get(MODEL_VERSION, model.name, key_of(number))
    assert begun is not None
    return begun


def set_status(resources: Resources, asked: Body) -> Resource:
    """Make a version ACTIVE, or TRAINING_COMPLETE again, at once; return it. A cancelled training ends by itself."""
    version, status = _named(resources, asked), asked["status"]
    before = version.document["status"]
    if status == WORDS.cancelled:
        if before != TRAINING:
            raise conflict(
                f"version {asked['modelVersionNumber']} of model {version.name} is not in training."
            )
        return version
    if before not in (COMPLETE, ACTIVE):
        raise conflict(f"version {asked['modelVersionNumber']} of model {version.name} is {before}.")
    if status != ACTIVE:
        _check_unused(resources, version, only_active=True)
    document = version.document | {"status": ACTIVE if status == ACTIVE else COMPLETE}
    resources.put(MODEL_VERSION, version.name, document, version.version)
    return version


def remove(resources: Resources, asked: Body) -> Resource | None:
    """Remove a version that nothing uses; return it, None if it was not there."""
    version = find(resources, asked)
    if version is None:
        return None
    if version.document["status"] in (ACTIVE, TRAINING):
        raise conflict(
            f"version {asked['modelVersionNumber']} of model {version.name} cannot be deleted: it is {version.document['status']}."
        )
    _check_unused(resources, version, only_active=False)
    resources.delete(MODEL_VERSION, version.name, version.version)
    return version


def _check_unused(resources: Resources, version: Resource, *, only_active: bool) -> None:
    for each in resources.all(DETECTOR_VERSION):
        uses = any(
            (version.name, version.version)
            == (used["modelId"], key_of(Version.parsed(used["modelVersionNumber"])))
            for used in each.document["modelVersions"]
        )
        if uses and (not only_active or each.document["status"] == "ACTIVE"):
            raise conflict(
                f"version {version.document['modelVersionNumber']} of model {version.name} is used by version {each.version} of "
                f"detector {each.name}."
            )


def found(resources: Resources, asked: Body) -> Body:
    """Return a version."""
    model, version = models.named(resources, asked), find(resources, asked)
    if version is None:
        _check_untrained(resources, model, asked["modelVersionNumber"])
        return _untrained(model)
    return {
        name: version.document[name] for name in (*OF_A_VERSION, *TRAINED_FROM) if name in version.document
    } | {"arn": version_arn(version)}


def described(resources: Resources, asked: Body) -> Body:
    """Return versions with what came of their training: those of one model, or of all."""
    if "modelVersionNumber" in asked:
        if "modelId" not in asked or "modelType" not in asked:
            raise invalid("modelVersionNumber needs modelId and modelType.")
        model, version = models.named(resources, asked), find(resources, asked)
        if version is not None:
            return {"modelVersionDetails": [_details(version)]}
        _check_untrained(resources, model, asked["modelVersionNumber"])
        return {"modelVersionDetails": [_untrained(model)]}
    wanted = models.wanted(resources, asked)
    every: list[Resource] = []
    for model in wanted:
        every += of(resources, model.name) or [model]
    answer = page("modelVersionDetails", every, asked)
    chosen = {arn(each): each for each in every}
    answer["modelVersionDetails"] = [
        _details(chosen[each["arn"]])
        if chosen[each["arn"]].kind == MODEL_VERSION
        else _untrained(chosen[each["arn"]])
        for each in answer["modelVersionDetails"]
    ]
    return answer


def version_arn(version: Resource) -> str:
    """Return the name of a version."""
    return f"{arn(version).rpartition('/')[0]}/{version.document['modelVersionNumber']}"


def _named(resources: Resources, asked: Body) -> Resource:
    models.named(resources, asked)
    version = find(resources, asked)
    if version is None:
        raise absent(
            f"version {asked['modelVersionNumber']} of model {asked['modelId']} was not trained here."
        )
    return version


def _check_untrained(resources: Resources, model: Resource, number: str) -> None:
    """Raise ServiceError unless a number is that of the model that decides, of a model that was never trained here."""
    if of(resources, model.name):
        raise absent(f"version {number} of model {model.name} does not exist.")
    if Version.parsed(number) != Version.parsed(models.VERSION):
        raise absent(f"model {model.name} has the version {models.VERSION} only.")


def _details(version: Resource) -> Body:
    members = (*OF_A_VERSION, *TRAINED_FROM, RESULT, "createdTime", "lastUpdatedTime")
    own = shown(version)
    if why := own.get("failureReason"):
        message = {"title": "The training has failed", "content": why, "type": "ERROR"}
        own[RESULT] = {"dataValidationMetrics": {"fileLevelMessages": [message], "fieldLevelMessages": []}}
    told = {name: own[name] for name in members if name in own} | {"arn": version_arn(version)}
    if version.document["status"] in (COMPLETE, ACTIVE):
        variables = version.document["trainingDataSchema"]["modelVariables"]
        told[RESULT_V2] = newer_result(own[RESULT], own["modelType"], variables)
    return told


def _untrained(model: Resource) -> Body:
    return {
        "modelId": model.name,
        "modelType": model.document["modelType"],
        "modelVersionNumber": models.VERSION,
        "status": ACTIVE,
        "arn": f"{arn(model)}/{models.VERSION}",
    }


OPERATIONS: Mapping[str, Operation] = {
    "GetModelVersion": found,
    "DescribeModelVersions": described,
}
