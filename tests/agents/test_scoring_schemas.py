"""The scoring loop with records in Confluent's wire format: decided as JSON is, after waiting for the schema, if need be."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from fraudstream.adapters.schema_registry.registry import Registry
from fraudstream.adapters.schema_registry.schemas import Schemas
from fraudstream.domain.events.declaration import Declaration
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.tokens import partition_of
from tests.agents.memory_worker import NOON_S, PARTITIONS, MemoryWorker, until
from tests.schema_registry import SchemaRegistry, schema_registry

OF_VALUES = SerializationContext("transactions", MessageField.VALUE)
SCHEMA = """{"type": "record", "name": "P", "fields": [
  {"name": "account", "type": "string"}, {"name": "value", "type": "double"}, {"name": "at", "type": "long"}]}"""
JSON_SCHEMA = '{"type": "object", "title": "P", "properties": {"value": {"type": "number"}}}'

ACCOUNT = next(name for number in range(40) if partition_of(name := f"acc-{number}", PARTITIONS) == 0)
ELSEWHERE = next(name for number in range(40) if partition_of(name := f"acc-{number}", PARTITIONS) == 1)


def declared(kind: str) -> EventType:
    """Return an event type whose records have a schema."""
    text = f"""
name = "own"
[format]
kind = "{kind}"
[entity]
field = "account"
kind = "text"
[time]
fields = ["at"]
[amount]
field = "value"
currency = "EUR"
"""
    return Declaration(text, "own.toml").read()


@pytest.fixture
def registry() -> Iterator[SchemaRegistry]:
    """Serve a registry."""
    with schema_registry() as running:
        yield running


def event(account: str = ACCOUNT) -> dict[str, Any]:
    """Return an event at noon."""
    return {"account": account, "value": 1.5, "at": NOON_S}


def avro(registry: SchemaRegistry, *events: dict[str, Any]) -> list[bytes]:
    """Return events as Confluent's client writes them."""
    write = AvroSerializer(SchemaRegistryClient({"url": registry.url}), SCHEMA)
    return [bytes(write(each, OF_VALUES) or b"") for each in events]


async def test_avro_is_decided_and_repartitioned_as_json(tmp_path: Path, registry: SchemaRegistry) -> None:
    """The worker of the other partition needs no schema; what is not Avro is a dead letter that says what it is."""
    values = [
        *avro(registry, event(), event(ELSEWHERE), event()),
        json.dumps(event()).encode(),
        b"\0\0\0\0\1\x7f",
    ]
    schemas = Schemas("avro", Registry(registry.url), 60)
    async with MemoryWorker(tmp_path, event_type=declared("avro"), schemas=schemas) as worker:
        await worker.receive(values)
        await worker.settled()
        forwarded = worker.delivery.topics["transactions-by-card", 1]
        await worker.receive([message.value for message in forwarded], 1, "transactions-by-card")
        await worker.settled()
        decisions, dead = worker.published("decisions"), worker.published("dead-letters")
        elsewhere = worker.published("decisions", 1)

    assert [1, 2] == [each["features"]["num_trans_last_10m"] for each in decisions]
    assert [event(ELSEWHERE)] == [json.loads(message.value) for message in forwarded]
    assert [1.5] == [each["amount"] for each in elsewhere]
    assert ["schema-mismatch", "schema-mismatch"] == [letter["reason"] for letter in dead]
    assert "and looks like JSON" in dead[0]["detail"]
    assert [3, 4] == [letter["offset"] for letter in dead]


async def test_nothing_is_decided_or_acknowledged_while_the_registry_does_not_answer(
    tmp_path: Path, registry: SchemaRegistry
) -> None:
    """Records wait, the health says why, and then they are decided as ever."""
    schemas = Schemas("avro", Registry(registry.url), 60)
    values = avro(registry, event())
    registry.failing = 503
    async with MemoryWorker(tmp_path, event_type=declared("avro"), schemas=schemas) as worker:
        await worker.receive(values)
        await until(lambda: any(schemas.problems()))
        problems = list(schemas.problems())
        before = worker.to_commit()
        registry.failing = None
        await worker.settled()

        assert before is None
        assert 1 == worker.to_commit()
        assert 1 == len(worker.published("decisions"))
        assert [] == worker.published("dead-letters")
    assert "records wait for a schema" in problems[0].sentence


async def test_a_rebalance_does_not_wait_for_the_registry(tmp_path: Path, registry: SchemaRegistry) -> None:
    """What waits is left to the next owner, unacknowledged."""
    schemas = Schemas("avro", Registry(registry.url), 60)
    values = avro(registry, event())
    registry.failing = 503
    async with MemoryWorker(tmp_path, event_type=declared("avro"), schemas=schemas) as worker:
        await worker.receive(values)
        await until(lambda: any(schemas.problems()))
        worker.consumer.stop_flow()
        await worker.settled()

        assert worker.to_commit() is None
        assert [] == worker.published("decisions") + worker.published("dead-letters")


async def test_an_unknown_schema_costs_only_its_own_records(tmp_path: Path, registry: SchemaRegistry) -> None:
    """They are dead letters with a reason of their own."""
    schemas = Schemas("avro", Registry(registry.url), 60, unknown_patience_s=0.0)
    values = avro(registry, event())
    async with MemoryWorker(tmp_path, event_type=declared("avro"), schemas=schemas) as worker:
        await worker.receive([b"\0\0\0\0\x63" + values[0][5:], *values])
        await worker.settled()
        dead = worker.published("dead-letters")

        assert ["unknown-schema"] == [letter["reason"] for letter in dead]
        assert (
            "(24 bytes that are not text and look like Confluent's wire format (schema id 99), and then Avro or Protobuf)"
            == dead[0]["payload"]
        )
        assert 1 == len(worker.published("decisions"))


async def test_json_with_a_schema_s_id_is_decided_without_a_registry(
    tmp_path: Path, registry: SchemaRegistry
) -> None:
    """The id tells nothing that the event type does not."""
    write = JSONSerializer(JSON_SCHEMA, SchemaRegistryClient({"url": registry.url}))
    value = bytes(write(event(), OF_VALUES) or b"")
    async with MemoryWorker(tmp_path, event_type=declared("json-schema")) as worker:
        await worker.receive([value])
        await worker.settled()

        assert [1.5] == [each["amount"] for each in worker.published("decisions")]
