"""Avro, read with its writer's schema; what fastavro makes of logical types becomes text that is exact."""

import io
import json
from collections.abc import Callable
from typing import Any

import msgspec
from fastavro import parse_schema, schemaless_reader
from fastavro.schema import SchemaParseException, UnknownType

from fraudstream.adapters.schema_registry.registry import Registered


def decoder(registered: Registered) -> Callable[[bytes], bytes]:
    """Return what turns values with a schema into JSON; raises ValueError for what is no schema.

    A decimal becomes decimal text, a timestamp ISO 8601, bytes base64, and of a union just the value.
    """
    named: dict[str, Any] = {}
    try:
        for text in registered.references.values():
            parse_schema(json.loads(text), named)
        schema = parse_schema(json.loads(registered.text), named)
    except (SchemaParseException, UnknownType, KeyError, TypeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error

    def decode(body: bytes) -> bytes:
        source = io.BytesIO(body)
        event = schemaless_reader(source, schema, None)
        if left := len(body) - source.tell():
            raise ValueError(f"{left} bytes are left")
        return msgspec.json.encode(event)

    return decode
