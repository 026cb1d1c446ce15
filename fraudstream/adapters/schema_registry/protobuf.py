"""Protobuf: the schema's text is compiled with protoc, as messages of a pool of its own."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc_tools
import msgspec
import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from fraudstream.adapters.schema_registry.registry import Registered

MAIN = "fraudstream-schema.proto"
COMPILE_TIMEOUT_S = 30.0

WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"
"""Where google/protobuf/timestamp.proto and its like are."""

VARINT_BYTES_MAX = 10
INDEXES_MAX = 64
"""Messages nested more deeply are none of a person's making."""


def decoder(registered: Registered) -> Callable[[bytes], bytes]:
    """Return what turns values with a schema into JSON; raises ValueError for a schema that does not compile."""
    pool = descriptor_pool.DescriptorPool()
    files = {file.name: file for file in _compiled(registered).file}  # each after those it needs
    for file in files.values():
        pool.Add(file)
    kinds: dict[tuple[int, ...], type[Message]] = {}

    def decode(body: bytes) -> bytes:
        indexes, start = _indexes(body)
        if indexes not in kinds:
            name = _name(files[MAIN], indexes)
            kinds[indexes] = message_factory.GetMessageClass(pool.FindMessageTypeByName(name))
        message = kinds[indexes]()
        message.ParseFromString(body[start:])
        return msgspec.json.encode(_plain(message))

    return decode


def _compiled(registered: Registered) -> descriptor_pb2.FileDescriptorSet:
    """Return a schema and all it needs; raises ValueError."""
    with TemporaryDirectory() as directory:
        root, out = Path(directory).resolve() / "in", Path(directory) / "out"
        for name, text in {**registered.references, MAIN: registered.text}.items():
            path = (root / name).resolve()
            if not path.is_relative_to(root):
                raise ValueError(f"a reference is named {name!r}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        done = subprocess.run(  # noqa: S603 - our own Python, and a file of ours
            [sys.executable, "-m", "grpc_tools.protoc", f"-I{root}", f"-I{WELL_KNOWN}", "--include_imports",
             f"--descriptor_set_out={out}", MAIN],
            capture_output=True,
            text=True,
            timeout=COMPILE_TIMEOUT_S,
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise ValueError("; ".join(done.stderr.strip().splitlines()[-2:]))
        return descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())


def _varint(body: bytes, at: int) -> tuple[int, int]:
    """Return a zigzag number and where it ends."""
    number = 0
    for place in range(VARINT_BYTES_MAX):
        byte = body[at + place]
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1), at + place + 1
    raise ValueError("the message's index is no number")


def _indexes(body: bytes) -> tuple[tuple[int, ...], int]:
    """Return which message of the schema a value is, by its place on each level, and where the message begins.

    >>> _indexes(bytes([0, 8, 1])), _indexes(bytes([4, 2, 0, 8, 1]))
    (((0,), 1), ((1, 0), 3))
    """
    count, at = _varint(body, 0)
    if not 0 <= count <= INDEXES_MAX:
        raise ValueError("the list of the message's indexes is too long")
    indexes = []
    for _ in range(count):
        index, at = _varint(body, at)
        indexes.append(index)
    return tuple(indexes) or (0,), at


def _name(file: descriptor_pb2.FileDescriptorProto, indexes: Sequence[int]) -> str:
    """Return the full name of a message; raises ValueError if the schema has none there."""
    names, messages = [file.package] if file.package else [], file.message_type
    for index in indexes:
        if not 0 <= index < len(messages):
            raise ValueError(f"it has no message {indexes}")
        names.append(messages[index].name)
        messages = messages[index].nested_type
    return ".".join(names)


def _plain(message: Message) -> Any:
    """Return a message as a JSON value: numbers stay numbers, a field without presence has its default."""
    fields = {
        field.name: _field(field, getattr(message, field.name))
        for field in message.DESCRIPTOR.fields
        if not field.has_presence or message.HasField(field.name)
    }
    name = message.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        return datetime.fromtimestamp(fields["seconds"], UTC) + timedelta(
            microseconds=fields["nanos"] // 1000
        )
    return fields["value"] if name.startswith("google.protobuf.") and [*fields] == ["value"] else fields


def _field(field: Any, value: Any) -> Any:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        inner = kind.fields_by_name["value"]
        return {str(key): _single(inner, value[key]) for key in value}
    if field.is_repeated:
        return [_single(field, each) for each in value]
    return _single(field, value)


def _single(field: Any, value: Any) -> Any:
    if field.message_type is not None:
        return _plain(value)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return value if known is None else known.name
    if field.type == FieldDescriptor.TYPE_FLOAT:
        return float(str(np.float32(value)))  # 12.1, as it was written, and not 12.100000381469727
    return value
