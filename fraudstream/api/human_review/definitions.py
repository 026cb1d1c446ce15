"""What programs ask SageMaker for before they start human loops: templates of tasks, and flows.

A template is kept and never shown: the console has a page of its own for cases. Only the answers that it offers are read.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from fraudstream.adapters.archive.opening import S3
from fraudstream.adapters.database.resources import Resource, Resources
from fraudstream.api.fraud_detector.errors import ServiceError, invalid
from fraudstream.api.fraud_detector.service import PER_PAGE, PER_PAGE_OF_SAGEMAKER
from fraudstream.api.fraud_detector.shapes import Body, Operation, page

ARN = "arn:aws:sagemaker:us-east-1:000000000000:"
TASK_UI, FLOW, LOOP = "human-task-ui", "flow-definition", "human-loop"

CATEGORIES = re.compile(r"categories\s*=\s*[\"']?\s*\[(.*?)\]", re.DOTALL)
CATEGORY = re.compile(r"[\"']([^\"'\[\],]{1,100})[\"']|([^\"'\[\],]{1,100})")
"""One of them; their quotation marks are often not those that HTML would want."""


class Kind(NamedTuple):
    """What SageMaker calls a kind of resource."""

    kind: str
    name: str
    arn: str
    members: str


TASK_UIS = Kind(TASK_UI, "HumanTaskUiName", "HumanTaskUiArn", "HumanTaskUiSummaries")
FLOWS = Kind(FLOW, "FlowDefinitionName", "FlowDefinitionArn", "FlowDefinitionSummaries")


def arn_of(kind: str, name: str) -> str:
    """Return the name of a resource of SageMaker."""
    return f"{ARN}{kind}/{name}"


def create(kind: Kind, resources: Resources, asked: Body) -> Body:
    """Make one that is not there yet."""
    name = asked[kind.name]
    if resources.get(kind.kind, name) is not None:
        raise ServiceError("ResourceInUse", f"{kind.kind} {name} already exists.")
    if kind is FLOWS:
        _check_flow(resources, asked)
    resources.put(kind.kind, name, asked)
    return {kind.arn: arn_of(kind.kind, name)}


def _check_flow(resources: Resources, asked: Body) -> None:
    if not asked["OutputConfig"]["S3OutputPath"].startswith(S3):
        raise invalid("S3OutputPath begins with s3://")
    if "HumanLoopConfig" not in asked:
        raise invalid("HumanLoopConfig is missing.")
    wanted = asked["HumanLoopConfig"]["HumanTaskUiArn"]
    if resources.get(TASK_UI, wanted.rpartition("/")[2]) is None:
        raise absent(f"human task UI {wanted} does not exist.")


def describe(kind: Kind, resources: Resources, asked: Body) -> Body:
    """Return one."""
    return _told(kind, found(kind, resources, asked[kind.name]), whole=True)


def listed(kind: Kind, resources: Resources, asked: Body) -> Body:
    """Return a page of all, by name."""
    every = resources.all(kind.kind)
    answer = sagemaker_page(kind.members, every, asked)
    by_name = {each.name: each for each in every}
    answer[kind.members] = [
        _told(kind, by_name[each[kind.name]], whole=False) for each in answer[kind.members]
    ]
    return answer


def sagemaker_page(member: str, found: Sequence[Resource], asked: Body) -> Body:
    """Do as `page`, with what SageMaker calls number and token."""
    given = {PER_PAGE: asked[PER_PAGE_OF_SAGEMAKER], "nextToken": asked.get("NextToken")}
    answer = page(member, found, given)
    if "nextToken" in answer:
        answer["NextToken"] = answer.pop("nextToken")
    return answer


def remove(kind: Kind, resources: Resources, asked: Body) -> Body:
    """Remove one that has no loops going on, or no flows."""
    one = found(kind, resources, asked[kind.name])
    arn = arn_of(kind.kind, one.name)
    if kind is FLOWS and any(
        (each.document["FlowDefinitionArn"], each.document["HumanLoopStatus"]) == (arn, "InProgress")
        for each in resources.all(LOOP)
    ):
        raise ServiceError("ResourceInUse", f"{kind.kind} {one.name} has human loops in progress.")
    resources.delete(kind.kind, one.name)
    return {}


def found(kind: Kind, resources: Resources, name: str) -> Resource:
    """Return one; raises ServiceError."""
    one = resources.get(kind.kind, name)
    if one is None:
        raise absent(f"{kind.kind} {name} does not exist.")
    return one


def absent(message: str) -> ServiceError:
    """Return SageMaker's error about what is not there."""
    return ServiceError("ResourceNotFound", message)


def categories_of(template: str) -> list[str]:
    """Return the answers that a template offers, as far as they can be read.

    >>> categories_of("<crowd-classifier categories=\\"['Legit', 'Fraud']\\">")
    ['Legit', 'Fraud']
    """
    list_ = CATEGORIES.search(template)
    if list_ is None:
        return []
    words = [(quoted or plain).strip() for quoted, plain in CATEGORY.findall(list_[1])]
    return [word for word in words if word]


def _told(kind: Kind, one: Resource, *, whole: bool) -> Body:
    told: Body = {
        kind.name: one.name,
        kind.arn: arn_of(kind.kind, one.name),
        "CreationTime": one.created_at / 1000,
    }
    if kind is FLOWS:
        own = ("HumanLoopConfig", "OutputConfig", "RoleArn") if whole else ()
        return told | {"FlowDefinitionStatus": "Active"} | {name: one.document[name] for name in own}
    if not whole:
        return told
    content: Mapping[str, Any] = one.document["UiTemplate"]
    sha256 = hashlib.sha256(content["Content"].encode()).hexdigest()
    return told | {"HumanTaskUiStatus": "Active", "UiTemplate": {"ContentSha256": sha256}}


OPERATIONS: Mapping[str, Operation] = {
    operation.format(name): partial(doing, kind)
    for name, kind in (("HumanTaskUi", TASK_UIS), ("FlowDefinition", FLOWS))
    for operation, doing in (
        ("Create{}", create),
        ("Describe{}", describe),
        ("List{}s", listed),
        ("Delete{}", remove),
    )
}
