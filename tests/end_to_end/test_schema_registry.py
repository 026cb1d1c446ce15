"""Rows of a database, as Debezium sends them in Avro: a worker decides them, and its state is verified from their log."""

import json
import time
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from fraudstream import topics
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.settings import Settings
from fraudstream.state.verify import compare_all
from tests.end_to_end.harness import Worker, read_all, settled
from tests.end_to_end.test_damaged_state import group_empty
from tests.schema_registry import schema_registry

ROW = """{"type": "record", "name": "Row", "fields": [
  {"name": "account", "type": "string"},
  {"name": "cents", "type": "long"},
  {"name": "paid", "type": {"type": "long", "logicalType": "timestamp-millis"}}]}"""
CHANGE = f"""{{"type": "record", "name": "Change", "fields": [
  {{"name": "before", "type": ["null", "string"]}},
  {{"name": "after", "type": ["null", {ROW}]}},
  {{"name": "op", "type": "string"}}]}}"""
EVENT_TYPE = """
name = "row"
[format]
kind = "avro"
[envelope]
payload = "after"
[entity]
field = "account"
kind = "text"
[time]
fields = ["paid"]
[amount]
field = "cents"
form = "minor-units"
currency = "EUR"
"""
PAID = 200


async def test_avro_of_debezium_is_decided_and_its_state_verified(
    kafka_settings: Settings, tmp_path: Path
) -> None:
    """Sent without keys, so most rows go on to their account's partition; a deletion is a dead letter."""
    path = tmp_path / "row.toml"
    path.write_text(EVENT_TYPE)
    with schema_registry() as registry:
        changed = {"event_type": str(path), "schema_registry_url": registry.url, "web": False}
        settings = kafka_settings.model_copy(update=changed)
        await ensure_topics(settings)
        topic = settings.topic(topics.TRANSACTIONS.name)
        write = AvroSerializer(SchemaRegistryClient({"url": registry.url}), CHANGE)
        producer = Producer({"bootstrap.servers": settings.broker})
        now_ms = round(time.time() * 1000) - 60_000
        for number in range(PAID):
            row = {"account": f"acc-{number % 7}", "cents": 100 + number, "paid": now_ms + number}
            value = write(
                {"before": None, "after": row, "op": "c"}, SerializationContext(topic, MessageField.VALUE)
            )
            producer.produce(topic, value, partition=number % settings.partitions)
        gone = {"before": "acc-1", "after": None, "op": "d"}
        producer.produce(topic, write(gone, SerializationContext(topic, MessageField.VALUE)), partition=0)
        producer.flush()
        with Worker(settings):
            await settled(settings)
        await group_empty(settings)
        decisions = [json.loads(record.value) for record in await read_all(settings, "decisions")]
        verified = await compare_all(settings)

    assert PAID == len(decisions)
    assert sum(100 + number for number in range(PAID)) == round(
        sum(each["amount"] for each in decisions) * 100
    )
    assert all(each.clean for each in verified)
    assert PAID == sum(each.changelog.entries for each in verified)
