"""Tags of resources, by the names that answers give them."""

from collections.abc import Mapping

from fraudstream.adapters.database.resources import UNVERSIONED, Resource, Resources
from fraudstream.api.fraud_detector.definitions import MODEL_VERSION
from fraudstream.api.fraud_detector.errors import absent, invalid
from fraudstream.api.fraud_detector.model_versions import key_of
from fraudstream.api.fraud_detector.shapes import ARN, TAGS, Body, Operation
from fraudstream.domain.registry.versions import VERSION, Version

TAGS_MAX = 200


def tag(resources: Resources, asked: Body) -> Body:
    """Add tags, or change their values."""
    one = _named(resources, asked["resourceARN"])
    tags = _tags(one) | {each["key"]: each["value"] for each in asked["tags"]}
    if len(tags) > TAGS_MAX:
        raise invalid(f"a resource has at most {TAGS_MAX} tags")
    return _kept(resources, one, tags)


def untag(resources: Resources, asked: Body) -> Body:
    """Remove tags; those that are not there are no error."""
    one = _named(resources, asked["resourceARN"])
    gone = set(asked["tagKeys"])
    return _kept(resources, one, {key: value for key, value in _tags(one).items() if key not in gone})


def tags_of(resources: Resources, asked: Body) -> Body:
    """Return the tags of a resource, all on one page."""
    tags = _tags(_named(resources, asked["resourceARN"]))
    return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}


def _named(resources: Resources, arn: str) -> Resource:
    kind, _, name = arn.removeprefix(ARN).partition("/")
    one = resources.get(kind, name) if arn.startswith(ARN) else None
    if one is None and arn.startswith(ARN):
        name, _, version = name.rpartition("/")
        if kind == MODEL_VERSION and VERSION.fullmatch(version):
            version = str(key_of(Version.parsed(version)))
        if version.isascii() and version.isdigit() and len(version) < 8 and int(version) != UNVERSIONED:
            one = resources.get(kind, name, int(version))
    if one is None:
        raise absent(f"there is no resource {arn}")
    return one


def _tags(resource: Resource) -> dict[str, str]:
    return {each["key"]: each["value"] for each in resource.document.get(TAGS, ())}


def _kept(resources: Resources, one: Resource, tags: Mapping[str, str]) -> Body:
    document = one.document | {TAGS: [{"key": key, "value": value} for key, value in tags.items()]}
    resources.put(one.kind, one.name, document, one.version)
    return {}


OPERATIONS: Mapping[str, Operation] = {
    "TagResource": tag,
    "UntagResource": untag,
    "ListTagsForResource": tags_of,
}
