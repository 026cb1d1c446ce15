"""Records that Confluent's own clients write are read with the schema they were written with; a registry that does not answer makes none a dead letter."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.schema_registry import schemas_of
from fraudstream.adapters.schema_registry.protobuf import _compiled
from fraudstream.adapters.schema_registry.registry import Registered, Registry
from fraudstream.adapters.schema_registry.schemas import Schemas
from fraudstream.domain.errors import InvalidTransaction, SetupError
from fraudstream.domain.events.declaration import Declaration
from fraudstream.domain.events.wire import Format
from fraudstream.settings import Settings
from tests.schema_registry import SchemaRegistry, schema_registry

OF_VALUES = SerializationContext("transactions", MessageField.VALUE)

PAYMENT: dict[str, Any] = {
    "type": "record",
    "name": "Payment",
    "fields": [
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "seen", "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}]},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["CARD", "WIRE"]}},
        {"name": "shop", "type": ["null", {"type": "record", "name": "Shop", "fields": [{"name": "city", "type": "string"}]}]},
        {"name": "raw", "type": "bytes"},
    ],
}  # fmt: skip
NOON = datetime(2020, 2, 1, 12, 0, 0, 123456, UTC)
PAID = {
    "amount": Decimal("12.50"),
    "at": NOON,
    "seen": None,
    "kind": "WIRE",
    "shop": {"city": "Ulm"},
    "raw": b"\x01",
}

PROTO = """
syntax = "proto3";
package pay;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";

message Other { int32 x = 1; }

message Payment {
  string id = 1;
  int64 cents = 2;
  google.protobuf.Timestamp at = 3;
  Account account = 4;
  map<string, string> tags = 5;
  repeated float rates = 6;
  optional int32 tries = 7;
  Kind kind = 8;
  google.protobuf.Int64Value limit = 9;

  message Account { string number = 1; }
  enum Kind { CARD = 0; WIRE = 1; }
}
"""


@pytest.fixture
def registry() -> Iterator[SchemaRegistry]:
    """Serve a registry."""
    with schema_registry() as running:
        yield running


def schemas(registry: SchemaRegistry, kind: Format = "avro") -> Schemas:
    """Return what a worker knows of a registry's schemas."""
    return Schemas(kind, Registry(registry.url), 60)


def written(registry: SchemaRegistry, schema: Any, event: Any) -> bytes:
    """Return an event as Confluent's Avro client writes it, which registers its schema."""
    client = SchemaRegistryClient({"url": registry.url})
    return bytes(AvroSerializer(client, json.dumps(schema))(event, OF_VALUES) or b"")


async def read(of: Schemas, value: bytes) -> Any:
    """Return what a worker makes of a value."""
    schema_id = int.from_bytes(value[1:5])
    assert await of.ready({schema_id})
    return json.loads(of.decode(schema_id, value[5:]))


async def test_avro_keeps_decimals_exact_and_times_as_text(registry: SchemaRegistry) -> None:
    """Of a union there is the value alone; bytes are base64."""
    assert {
        "amount": "12.50",
        "at": "2020-02-01T12:00:00.123456Z",
        "seen": None,
        "kind": "WIRE",
        "shop": {"city": "Ulm"},
        "raw": "AQ==",
    } == await read(schemas(registry), written(registry, PAYMENT, PAID))


async def test_each_record_is_read_with_the_schema_it_was_written_with(registry: SchemaRegistry) -> None:
    """A producer that adds a field, or drops one, changes nothing for the others; a schema is asked for once."""
    of = schemas(registry)
    old = written(registry, PAYMENT, PAID)
    more = PAYMENT | {"fields": [{"name": "risk", "type": "double"}, *PAYMENT["fields"][:2]]}
    new = written(registry, more, PAID | {"risk": 0.5})
    registry.asked.clear()

    assert "WIRE" == (await read(of, old))["kind"]
    assert {"risk": 0.5, "amount": "12.50", "at": "2020-02-01T12:00:00.123456Z"} == await read(of, new)
    assert "WIRE" == (await read(of, old))["kind"]
    assert ["/schemas/ids/1", "/schemas/ids/2"] == registry.asked


async def test_schemas_that_refer_to_others_are_read_with_them(registry: SchemaRegistry) -> None:
    """In Avro by the names of types, in Protobuf by the names of files."""
    shop = {"type": "record", "name": "Shop", "fields": [{"name": "city", "type": "string"}]}
    registry.register("shop", json.dumps(shop))
    referring = {"type": "record", "name": "P", "fields": [{"name": "shop", "type": "Shop"}]}
    avro = registry.register(
        "p", json.dumps(referring), references=[{"name": "Shop", "subject": "shop", "version": 1}]
    )
    registry.register("money", 'syntax = "proto3"; message Money { int64 cents = 1; }', "PROTOBUF")
    text = 'syntax = "proto3"; import "own/money.proto"; message P { Money money = 1; }'
    reference = [{"name": "own/money.proto", "subject": "money", "version": 1}]
    protobuf = registry.register("q", text, "PROTOBUF", reference)

    assert {"shop": {"city": "Ulm"}} == await read(schemas(registry), b"\0" + avro.to_bytes(4) + b"\x06Ulm")
    value = b"\0" + protobuf.to_bytes(4) + bytes([0, 0x0A, 2, 0x08, 7])
    assert {"money": {"cents": 7}} == await read(schemas(registry, "protobuf"), value)


async def test_protobuf_keeps_numbers_as_numbers_and_reads_the_message_it_is_told(
    registry: SchemaRegistry,
) -> None:
    """`Payment` is the second message; what is not set and has no presence is its default, as Protobuf has it."""
    registry.register("transactions-value", PROTO, "PROTOBUF")
    pool = descriptor_pool.DescriptorPool()
    for file in _compiled(Registered("PROTOBUF", PROTO, {})).file:
        pool.Add(file)
    kind: Any = message_factory.GetMessageClass(pool.FindMessageTypeByName("pay.Payment"))
    payment: Message = kind(
        id="p-1", cents=1250, tags={"a": "b"}, rates=[12.1], kind=1, account={"number": "4"}
    )
    payment.at.FromDatetime(NOON)  # type: ignore[attr-defined]
    payment.limit.value = 0  # type: ignore[attr-defined]
    config = {"auto.register.schemas": False, "use.latest.version": True, "use.deprecated.format": False}
    serializer = ProtobufSerializer(kind, SchemaRegistryClient({"url": registry.url}), config)
    of = schemas(registry, "protobuf")

    assert {
        "id": "p-1",
        "cents": 1250,
        "at": "2020-02-01T12:00:00.123456Z",
        "account": {"number": "4"},
        "tags": {"a": "b"},
        "rates": [12.1],
        "kind": "WIRE",
        "limit": 0,
    } == await read(of, bytes(serializer(payment, OF_VALUES) or b""))
    assert {"id": "", "cents": 0, "tags": {}, "rates": [], "kind": "CARD", "tries": 0} == await read(
        of, serializer(kind(tries=0), OF_VALUES) or b""
    )
    assert {"x": 0} == await read(of, b"\0\0\0\0\1\0"), "the short form of the first message"
    assert {"number": "4"} == await read(of, bytes([0, 0, 0, 0, 1, 4, 2, 2, 0x0A, 1, 0x34])), "a nested one"


@pytest.mark.parametrize(
    ("kind", "schema", "registered", "body", "said"),
    [
        ("avro", PROTO, "PROTOBUF", b"", "the schema with id 1 is PROTOBUF, but the event type says avro"),
        ("avro", '{"type": "recrod"}', "AVRO", b"", "cannot be compiled: UnknownType: .*recrod"),
        ("avro", "{", "AVRO", b"", "cannot be compiled"),
        ("avro", '"string"', "AVRO", b"\x06Ulm!", "1 bytes are left"),
        ("avro", '"string"', "AVRO", b"", "does not fit the schema with id 1: EOFError"),
        ("avro", '{"type": "long", "logicalType": "timestamp-millis"}', "AVRO", b"\xff" * 9 + b"\x01", "OverflowError"),
        ("protobuf", "message", "PROTOBUF", b"\0", "cannot be compiled: .*Expected message name"),
        ("protobuf", PROTO, "PROTOBUF", b"\2\x0c", r"it has no message \(6,\)"),
        ("protobuf", PROTO, "PROTOBUF", b"\2", "does not fit the schema with id 1: IndexError"),
        ("protobuf", PROTO, "PROTOBUF", b"\xff" * 11, "the message's index is no number"),
        ("protobuf", PROTO, "PROTOBUF", b"\xfe\x7f", "the list of the message's indexes is too long"),
        ("protobuf", PROTO, "PROTOBUF", b"\2\2\x0a\x7f", "DecodeError"),
    ],
)  # fmt: skip
async def test_what_does_not_fit_is_refused_with_a_sentence(
    registry: SchemaRegistry, kind: Format, schema: str, registered: str, body: bytes, said: str
) -> None:
    """Another kind of schema, one that is none, and bytes that the schema does not describe."""
    registry.register("s", schema, registered)
    of = schemas(registry, kind)
    assert await of.ready({1})

    with pytest.raises(InvalidTransaction, match=rf"schema-mismatch: .*{said}"):
        of.decode(1, body)


async def test_a_reference_writes_no_file_outside(registry: SchemaRegistry) -> None:
    """Names of files come from whoever registers schemas."""
    registry.register("money", 'syntax = "proto3";', "PROTOBUF")
    registry.register(
        "p", 'syntax = "proto3";', "PROTOBUF", [{"name": "../../own.proto", "subject": "money", "version": 1}]
    )
    of = schemas(registry, "protobuf")
    assert await of.ready({2})

    with pytest.raises(InvalidTransaction, match=r"a reference is named '\.\./\.\./own\.proto'"):
        of.decode(2, b"\0")


def test_an_event_type_with_schemas_needs_a_registry() -> None:
    """The start is refused, and says which setting is missing; JSON needs none."""
    head = 'name = "pay"\n[amount]\nfield = "amount"\ncurrency = "EUR"\n[format]\nkind = "%s"\n'
    settings = Settings(_env_file=None)
    for kind in ("avro", "protobuf"):
        with pytest.raises(
            SetupError, match=f"{kind.capitalize()}, needs .* set FRAUDSTREAM_SCHEMA_REGISTRY_URL"
        ):
            schemas_of(Declaration(head % kind, "pay.toml").read(), settings)
    assert schemas_of(Declaration(head % "json-schema", "pay.toml").read(), settings) is None
    assert schemas_of(event_type_named("card"), settings) is None
