"""Makes files of an account's definitions, and the report of what does not fit."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.card_numbers import without_card_numbers
from fraudstream.domain.errors import SetupError
from fraudstream.migration.event_type_files import Document, event_type_file

REPORT = "report.json"
FRAUD = "FRAUD"


@dataclass
class Taken:
    """What was written, and what was not."""

    files: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    next_steps: list[str] = field(default_factory=list)
    """Commands that go on from here."""


def taken_over(
    found: Mapping[str, list[Any]], out: Path, outcomes: Mapping[str, str], currency: str
) -> Taken:
    """Write the files below a directory; return what was written and what does not fit."""
    taken = Taken()
    variables = {each["name"]: each for each in found["variables"]}
    for event_type in found["event-types"]:
        _event_type(event_type, found, variables, out, outcomes, currency, taken)
    for each in found["lists"]:
        _list(each, out, taken)
    for model in found["models"]:
        taken.next_steps.append(_training(model, found))
    taken.left_out += [
        f"external model {each['modelEndpoint']}: models of SageMaker are not asked; train one with fraudstream train"
        for each in found["external-models"]
    ]
    (out / REPORT).write_text(json.dumps(vars(taken), indent=2, ensure_ascii=False) + "\n")
    return taken


def _event_type(
    event_type: Document,
    found: Mapping[str, list[Any]],
    variables: Mapping[str, Document],
    out: Path,
    outcomes: Mapping[str, str],
    currency: str,
    taken: Taken,
) -> None:
    name = event_type["name"]
    version, others = _detector_version(name, found)
    rules = {
        (each["ruleId"], each["ruleVersion"]): each
        for each in found["rules"]
        if version is not None and each["detectorId"] == version["detectorId"]
    }
    written = event_type_file(
        event_type, variables, version, rules, outcomes, currency, _frauds(event_type, found)
    )
    path = out / f"{name}.toml"
    path.write_text(written.text)
    taken.files.append(path.name)
    taken.left_out += [f"{path.name}: {each}" for each in (*written.left_out, *others)]
    try:
        event_type_named(str(path))
    except SetupError as error:
        taken.left_out.append(f"{path.name} has to be corrected: {error}")


def _detector_version(event_type: str, found: Mapping[str, list[Any]]) -> tuple[Document | None, list[str]]:
    """Return the version whose rules are taken over, the ACTIVE one or the newest, and what is said of other detectors."""
    detectors = [each["detectorId"] for each in found["detectors"] if each["eventTypeName"] == event_type]
    versions = [each for each in found["detector-versions"] if each["detectorId"] in detectors]
    versions.sort(key=lambda each: (each["status"] != "ACTIVE", -int(each["detectorVersionId"])))
    if not versions:
        return None, []
    chosen = versions[0]
    others = sorted({each for each in detectors if each != chosen["detectorId"]})
    return chosen, [
        f"detector {each}: an event type of ours has one ruleset, that of {chosen['detectorId']}"
        for each in others
    ]


def _frauds(event_type: Document, found: Mapping[str, list[Any]]) -> Sequence[str]:
    """Return the labels that mean fraud: as models were told, else those called so."""
    labels = event_type.get("labels", [])
    models = {each["modelId"] for each in found["models"] if each["eventTypeName"] == event_type["name"]}
    for version in found["model-versions"]:
        schema = version.get("trainingDataSchema", {}).get("labelSchema", {})
        told = schema.get("labelMapper", {}).get(FRAUD)
        if version["modelId"] in models and told:
            return list(told)
    return [each for each in labels if "fraud" in each.lower()] or ["fraud"]


def _list(one: Document, out: Path, taken: Taken) -> None:
    elements = [each for each in one["elements"] if without_card_numbers(each) == each]
    if len(elements) < len(one["elements"]):
        taken.left_out.append(
            f"list {one['name']}: {len(one['elements']) - len(elements)} of its values look like card numbers, which belong on a "
            "list of cards (fraudstream lists create --kind card)"
        )
    path = out / "lists" / f"{one['name']}.csv"
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerows([["value"], *([each] for each in elements)])
    taken.files.append(f"lists/{path.name}")
    taken.next_steps.append(
        f"fraudstream lists create {one['name']} --purpose watch && fraudstream lists import {one['name']} {path}"
    )


def _training(model: Document, found: Mapping[str, list[Any]]) -> str:
    """Return how a model is trained again: models cannot be taken out of the service."""
    versions = [each for each in found["model-versions"] if each["modelId"] == model["modelId"]]
    place = next(
        (each["externalEventsDetail"]["dataLocation"] for each in versions if "externalEventsDetail" in each),
        "the events it was trained on",
    )
    return (
        f"model {model['modelId']}: fraudstream history import {place} with FRAUDSTREAM_EVENT_TYPE={model['eventTypeName']}.toml, "
        "then fraudstream train"
    )
