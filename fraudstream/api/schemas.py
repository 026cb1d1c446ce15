"""What requests and answers look like, for the OpenAPI document: made of the types that read them and of a decision's columns."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
import polars as pl

from fraudstream.api.outcomes import STATUS
from fraudstream.domain.features.schema import DECIDED_AT, DEGRADED, IF_THERE, JUDGED, PAID, Column

JSON = "application/json"

EVENTS_MAX = 1_000
"""Events, labels or values of one request."""

Schema = dict[str, Any]

ALWAYS = (400, 401, 403, 408, 413, 422, 429, 503)
"""Statuses that every address with a key may answer with."""

ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "detail"],
            "properties": {
                "code": {"type": "string"},
                "detail": {"type": "string"},
                "transaction_id": {"type": "string"},
            },
        }
    },
}
"""Why there is no other answer; docs/api.md lists the codes."""

EVENT: Schema = {"type": "object", "description": "An event as on the topic `transactions`."}

NUMBERS: Schema = {"type": "object", "additionalProperties": {"type": ["number", "null"]}}

TYPES: Mapping[Any, str] = {
    pl.Int32: "integer",
    pl.Int64: "integer",
    pl.Float64: "number",
    pl.Boolean: "boolean",
    pl.String: "string",
}


def columns(*of: Column) -> Schema:
    """Return the properties of columns; every one of them may be null."""
    lists = {"type": "array", "items": {"type": "string"}}
    return {
        each.name: lists if each.dtype == pl.List(pl.String) else {"type": [TYPES[each.dtype], "null"]}
        for each in of
    }


def _object(properties: Schema, required: Iterable[str]) -> Schema:
    return {"type": "object", "required": list(required), "properties": properties}


BEGINNING = columns(*PAID) | {"features": NUMBERS} | columns(*JUDGED, DEGRADED)

DECISION = _object(
    {**BEGINNING, **columns(*IF_THERE, DECIDED_AT), "variables": {"type": "object"}},
    [*BEGINNING, DECIDED_AT.name],
)
"""A decision as on the topic `decisions`."""

JUDGEMENT = _object(
    {
        **BEGINNING,
        "told": {"type": "array", "items": {"type": "string"}},
        "release": {"type": ["string", "null"]},
    },
    [*BEGINNING, "told", "release"],
)
"""The answer to a what-if question."""


def one_or_many(schema: Schema) -> Schema:
    """Return the schema of one, or of an array of them."""
    return {"anyOf": [schema, {"type": "array", "items": schema, "minItems": 1, "maxItems": EVENTS_MAX}]}


def schema_of(kind: type[msgspec.Struct], raw: Mapping[str, Schema] | None = None) -> Schema:
    """Return the schema of a struct; `raw`: those of its fields that are read later."""
    made = msgspec.json.schema(kind)
    (definition,) = made["$defs"].values()
    return {**definition, "properties": {**definition["properties"], **(raw or {})}}


def asked(schema: Schema, example: object) -> dict[str, Any]:
    """Return what FastAPI is told of an address that takes a body."""
    return {
        "requestBody": {"required": True, "content": {JSON: {"schema": schema, "example": example}}},
        "security": [{"key": []}],
    }


def answers(
    schema: Schema, said: str, statuses: Sequence[int] = (), status: int = 200
) -> dict[int | str, Any]:
    """Return what FastAPI is told of the answers: the good one, and the errors beside those that all may give."""
    errors: dict[int | str, Any] = {
        each: {"description": HTTPStatus(each).phrase, "content": {JSON: {"schema": ERROR}}}
        for each in sorted({*ALWAYS, *statuses})
    }
    return {status: {"description": said, "content": {JSON: {"schema": schema}}}, **errors}


EVENT_STATUSES = tuple(sorted(set(STATUS.values())))
"""What may have become of an event that is asked for alone."""

SECURITY = {"key": {"type": "http", "scheme": "bearer", "description": "fraudstream api-keys create"}}
"""How a key is sent."""
