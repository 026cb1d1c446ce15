"""Human loops: what a program wants to be looked at by people, and what became of it."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from fraudstream.adapters.database.resources import Resource, Resources
from fraudstream.api.fraud_detector.errors import ServiceError, invalid
from fraudstream.api.fraud_detector.shapes import Body, time_text
from fraudstream.api.fraud_detector.stored_events import epoch_ms
from fraudstream.api.human_review.definitions import (
    FLOW,
    LOOP,
    TASK_UI,
    arn_of,
    categories_of,
    sagemaker_page,
)
from fraudstream.domain.card_numbers import without_card_numbers
from fraudstream.domain.review.case import Case, Finding

STATUS = "HumanLoopStatus"
GOING, COMPLETED, STOPPED = "InProgress", "Completed", "Stopped"
OUTPUT = "OutputS3Uri"
TIMES = ("CreationTimeAfter", "CreationTimeBefore")
INPUT, PENDING = "human-loop-input", "human-loop-pending"
"""Kinds of resources: what was to be looked at, and loops whose case has still to be opened, or to be closed."""
NAME = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,62}")
"""The service takes capital letters, which its own description forbids."""

MEANING: Mapping[Finding, tuple[str, ...]] = {
    Finding.FRAUD: ("fraud", "high", "block", "reject"),
    Finding.LEGITIMATE: ("legit", "valid", "low", "approve"),
    Finding.UNSURE: ("unsure", "medium", "unclear", "review"),
}
"""What an answer that a template offers may contain, if it means a finding of ours."""


def absent(name: str) -> ServiceError:
    """Return the error about a loop that is not there."""
    return ServiceError("ResourceNotFoundException", f"human loop {name} does not exist.", 404)


def start(resources: Resources, asked: Body) -> Body:
    """Record a new loop; card numbers in it are masked."""
    name, flow = asked["HumanLoopName"], asked["FlowDefinitionArn"]
    if NAME.fullmatch(name) is None:
        raise invalid("the name of a human loop has 1 to 63 letters, digits and dashes.")
    if resources.get(FLOW, flow.rpartition("/")[2]) is None or flow != arn_of(FLOW, flow.rpartition("/")[2]):
        raise invalid(f"flow definition {flow} does not exist.")
    if resources.get(LOOP, name) is not None:
        raise ServiceError("ConflictException", f"human loop {name} already exists.", 409)
    content = without_card_numbers(asked["HumanLoopInput"]["InputContent"])
    _parsed(content)
    resources.put(INPUT, name, {"InputContent": content})
    resources.put(LOOP, name, {"FlowDefinitionArn": flow, STATUS: GOING})
    resources.put(PENDING, name, {})
    return {"HumanLoopArn": arn_of(LOOP, name)}


def described(resources: Resources, asked: Body) -> Body:
    """Return a loop."""
    loop = _found(resources, asked)
    told = _summary(loop) | {"HumanLoopArn": arn_of(LOOP, loop.name)}
    if OUTPUT in loop.document:
        told["HumanLoopOutput"] = {"OutputS3Uri": loop.document[OUTPUT]}
    return told


def listed(resources: Resources, asked: Body) -> Body:
    """Return a page of the loops of a flow, by name."""
    flow = asked["FlowDefinitionArn"]
    if resources.get(FLOW, flow.rpartition("/")[2]) is None:
        raise ServiceError("ResourceNotFoundException", f"flow definition {flow} does not exist.", 404)
    after, before = (epoch_ms(asked[name], name) if name in asked else None for name in TIMES)
    loops = {
        each.name: each
        for each in resources.all(LOOP)
        if each.document["FlowDefinitionArn"] == flow
        and (after is None or each.created_at >= after)
        and (before is None or each.created_at <= before)
    }
    kept = [Resource(each.kind, each.name, 0, {"name": each.name}, 0, 0) for each in loops.values()]
    answer = sagemaker_page("HumanLoopSummaries", kept, asked)
    answer["HumanLoopSummaries"] = [_summary(loops[each["name"]]) for each in answer["HumanLoopSummaries"]]
    return answer


def stop(resources: Resources, asked: Body) -> Body:
    """Say that nobody needs to look at it any more; its case is closed soon."""
    loop = _found(resources, asked)
    if loop.document[STATUS] == GOING:
        resources.put(LOOP, loop.name, loop.document | {STATUS: STOPPED})
        resources.put(PENDING, loop.name, {})
    return {}


def remove(resources: Resources, asked: Body) -> Body:
    """Remove a loop that has ended."""
    loop = _found(resources, asked)
    if loop.document[STATUS] == GOING:
        raise invalid(f"human loop {loop.name} is in progress; stop it first.")
    for kind in (LOOP, INPUT):
        resources.delete(kind, loop.name)
    return {}


def payload_of(resources: Resources, loop: Resource) -> Body:
    """Return what people are shown of a loop."""
    flow, categories = flow_of(resources, loop), categories_for(resources, loop)
    config = {} if flow is None else flow.document["HumanLoopConfig"]
    return {
        "title": config.get("TaskTitle", loop.name),
        "description": config.get("TaskDescription", ""),
        "answers": categories,
        "input": input_of(resources, loop),
    }


def input_of(resources: Resources, loop: Resource) -> Any:
    """Return what a program wants to be looked at."""
    kept = resources.get(INPUT, loop.name)
    return {} if kept is None else _parsed(kept.document["InputContent"])


def flow_of(resources: Resources, loop: Resource) -> Resource | None:
    """Return the flow of a loop; None if it was removed."""
    return resources.get(FLOW, loop.document["FlowDefinitionArn"].rpartition("/")[2])


def categories_for(resources: Resources, loop: Resource) -> list[str]:
    """Return the answers that the template of a loop offers."""
    flow = flow_of(resources, loop)
    if flow is None:
        return []
    template = resources.get(TASK_UI, flow.document["HumanLoopConfig"]["HumanTaskUiArn"].rpartition("/")[2])
    return [] if template is None else categories_of(template.document["UiTemplate"]["Content"])


def answer_of(finding: Finding, categories: list[str]) -> str:
    """Return the answer that a finding is, in the words of the template if one of them means it."""
    for word in MEANING[finding]:
        for category in categories:
            if word in category.lower() and not (word == "valid" and "invalid" in category.lower()):
                return category
    return str(finding)


def output_of(loop: Resource, case: Case, categories: list[str], given: Any) -> Body:
    """Return the content of output.json; `given`: what was to be looked at."""
    assert case.finding is not None
    assert case.closed_at is not None
    begun = case.opened_at
    label = answer_of(case.finding, categories)
    return {
        "flowDefinitionArn": loop.document["FlowDefinitionArn"],
        "humanAnswers": [
            {
                "acceptanceTime": time_text(begun),
                "submissionTime": time_text(case.closed_at),
                "timeSpentInSeconds": (case.closed_at - begun) / 1000,
                "answerContent": {
                    "category": {"label": label},
                    "finding": str(case.finding),
                    "reason": case.reason,
                },
                "workerId": case.closed_by,
            }
        ],
        "humanLoopName": loop.name,
        "inputContent": given,
    }


def _found(resources: Resources, asked: Body) -> Resource:
    loop = resources.get(LOOP, asked["HumanLoopName"])
    if loop is None:
        raise absent(asked["HumanLoopName"])
    return loop


def _summary(loop: Resource) -> Body:
    return {
        "HumanLoopName": loop.name,
        STATUS: loop.document[STATUS],
        "CreationTime": loop.created_at / 1000,
        "FlowDefinitionArn": loop.document["FlowDefinitionArn"],
    }


def _parsed(content: str) -> Any:
    try:
        return msgspec.json.decode(content)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise invalid("InputContent is not JSON.") from error
