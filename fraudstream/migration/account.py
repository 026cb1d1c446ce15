"""Reads everything that is defined in an account, page by page; what was read is kept, and a next run goes on after it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from fraudstream.adapters.files import write_atomically
from fraudstream.domain.errors import FraudstreamError, SetupError

Document = dict[str, Any]

ACCOUNT = "account"
"""Directory below the one that is written to."""


class AccountUnavailable(FraudstreamError):
    """The service does not answer, or not so often; the same command goes on later."""

    later = True


class Listed(NamedTuple):
    """An operation that answers pages."""

    operation: str
    member: str
    """What is on a page."""


LISTS_OF: Mapping[str, Listed] = {
    "variables": Listed("get_variables", "variables"),
    "labels": Listed("get_labels", "labels"),
    "entity-types": Listed("get_entity_types", "entityTypes"),
    "event-types": Listed("get_event_types", "eventTypes"),
    "outcomes": Listed("get_outcomes", "outcomes"),
    "models": Listed("get_models", "models"),
    "model-versions": Listed("describe_model_versions", "modelVersionDetails"),
    "external-models": Listed("get_external_models", "externalModels"),
    "detectors": Listed("get_detectors", "detectors"),
    "lists": Listed("get_lists_metadata", "lists"),
}
"""What an account has, in the order in which it is read."""

RULES = Listed("get_rules", "ruleDetails")
SUMMARIES = Listed("describe_detector", "detectorVersionSummaries")
ELEMENTS = Listed("get_list_elements", "elements")


@dataclass(frozen=True)
class Account:
    """What was read, below a directory; `client`: boto3's."""

    directory: Path
    client: Any

    def read(self) -> dict[str, list[Document]]:
        """Return all definitions; raises AccountUnavailable or SetupError. What was read before is not asked for again."""
        found = {name: self._all(name, listed) for name, listed in LISTS_OF.items()}
        found["rules"] = [
            rule
            for each in found["detectors"]
            for rule in self._all(f"rules-{each['detectorId']}", RULES, detectorId=each["detectorId"])
        ]
        found["detector-versions"] = [
            self._version(each["detectorId"], summary["detectorVersionId"])
            for each in found["detectors"]
            for summary in self._all(
                f"versions-{each['detectorId']}", SUMMARIES, detectorId=each["detectorId"]
            )
        ]
        for each in found["lists"]:
            each["elements"] = self._all(f"elements-{each['name']}", ELEMENTS, name=each["name"])
        return found

    def _version(self, detector: str, number: str) -> Document:
        kept = self.directory / f"version-{detector}-{number}.json"
        if not kept.exists():
            answer = self._asked("get_detector_version", detectorId=detector, detectorVersionId=number)
            write_atomically(kept, json.dumps(answer).encode())
        document: Document = json.loads(kept.read_text())
        return document

    def _all(self, kept_as: str, listed: Listed, **asked: str) -> list[Any]:
        """Return what is on all pages; each page is kept with the token of the next one."""
        kept = self.directory / f"{kept_as}.json"
        state: Document = json.loads(kept.read_text()) if kept.exists() else {"found": [], "next": ""}
        for page in self._pages(listed, state["next"], asked):
            state = {"found": state["found"] + page[listed.member], "next": page.get("nextToken")}
            write_atomically(kept, json.dumps(state).encode())
        found: list[Any] = state["found"]
        return found

    def _pages(self, listed: Listed, token: str | None, asked: Mapping[str, str]) -> Iterator[Document]:
        while token is not None:
            page = self._asked(listed.operation, **asked, **({"nextToken": token} if token else {}))
            yield page
            token = page.get("nextToken") or None

    def _asked(self, operation: str, **asked: str) -> Document:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: Document = getattr(self.client, operation)(**asked)
        except ClientError as error:
            if error.response["ResponseMetadata"].get("HTTPStatusCode", 500) >= 500 or "Throttling" in str(
                error
            ):
                raise AccountUnavailable(f"{error}; the same command goes on where it was") from error
            raise SetupError(f"Amazon Fraud Detector refuses {operation}: {error}") from error
        except BotoCoreError as error:
            raise AccountUnavailable(
                f"Amazon Fraud Detector cannot be asked ({error}); the same command goes on where it was"
            ) from error
        answer.pop("ResponseMetadata", None)
        return answer
