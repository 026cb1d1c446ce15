"""What the API answers, with types."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec


class Decision(msgspec.Struct, frozen=True):
    """A decision as on the topic `decisions`; `raw` has all of its fields."""

    transaction_id: str
    outcome: str
    fraud: bool
    score: int
    probability: float
    rules: list[str]
    reasons: list[str]
    model_version: str
    ruleset_version: str
    degraded: list[str]
    event_time: int
    amount: float
    features: dict[str, float | None]
    variables: dict[str, Any] = {}
    card: str | None = None
    release: str | None = None
    canary: bool | None = None
    raw: Mapping[str, Any] = {}


class Score(msgspec.Struct, frozen=True):
    """What a release would decide about an event that nobody counts; `raw` has all fields of the answer."""

    outcome: str
    fraud: bool
    score: int
    probability: float
    rules: list[str]
    reasons: list[str]
    features: dict[str, float | None]
    told: list[str]
    """The features that were told."""
    degraded: list[str]
    model_version: str
    ruleset_version: str
    release: str | None = None
    raw: Mapping[str, Any] = {}


class ApiError(Exception):
    """The API did not decide: `status` and `code` as docs/api.md lists them; status 0 if it could not be reached."""

    def __init__(self, status: int, code: str, detail: str, transaction_id: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.status, self.code, self.detail, self.transaction_id = status, code, detail, transaction_id


class Late(ApiError):
    """The event is in the log and not decided in time: fetch it later, by `transaction_id`."""


def decision_of(fields: Mapping[str, Any]) -> Decision:
    """Return a decision with types."""
    return msgspec.convert({**fields, "raw": fields}, Decision)


def score_of(content: bytes) -> Score:
    """Return the answer to a what-if question with types."""
    fields = msgspec.json.decode(content)
    return msgspec.convert({**fields, "raw": fields}, Score)


def error_of(status: int, content: bytes) -> ApiError:
    """Return the error that an answer says; also of one that a proxy made."""
    try:
        said = msgspec.json.decode(content)["error"]
        return _error(status, said)
    except (msgspec.MsgspecError, KeyError, TypeError):
        return ApiError(status, "unexpected", f"the answer has status {status} and is not the API's")


def decisions_of(content: bytes) -> list[Decision | ApiError]:
    """Return the answers about many events, in their order."""
    answers: Sequence[Mapping[str, Any]] = msgspec.json.decode(content)
    return [_error(200, each["error"]) if "error" in each else decision_of(each) for each in answers]


def _error(status: int, said: Mapping[str, Any]) -> ApiError:
    kind = Late if said["code"] == "late" else ApiError
    return kind(status, said["code"], said["detail"], said.get("transaction_id", ""))
