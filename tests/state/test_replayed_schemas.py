"""The source log is read again with the schemas that the worker read it with."""

import json
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

from aiokafka.structs import ConsumerRecord

from fraudstream.adapters.kafka.partition_logs import PartitionLogs, Record
from fraudstream.settings import Settings
from fraudstream.state.source import replayed
from tests.schema_registry import schema_registry

NOON_MS = 1_580_558_400_000
SCHEMA = """{"type": "record", "name": "P", "fields": [
  {"name": "account", "type": "string"}, {"name": "cents", "type": "long"}]}"""
PAID = b"\0" + (1).to_bytes(4) + b"\x06acc\xc8\x01"
EVENT_TYPE = """
name = "own"
[format]
kind = "avro"
[entity]
field = "account"
kind = "text"
[amount]
field = "cents"
form = "minor-units"
currency = "EUR"
"""


class WrittenLogs(PartitionLogs):
    """Logs with these values, all decided."""

    def __init__(self, values: Mapping[str, list[bytes]]) -> None:
        self._values = values

    async def committed(self, topic: str, partition: int) -> int:
        """Return the end."""
        return len(self._values.get(topic, ()))

    async def read(self, topic: str, partition: int, start: int = 0) -> AsyncGenerator[list[Record], None]:
        """Yield all records at once."""
        values = self._values.get(topic, [])
        if values:
            yield [
                ConsumerRecord(topic, partition, offset, NOON_MS, 0, None, value, None, 0, 0, ())
                for offset, value in enumerate(values)
            ]


async def test_a_log_of_avro_is_replayed_but_for_records_whose_schema_was_unknown_then(
    tmp_path: Path,
) -> None:
    """By now the registry knows it, and yet the record got no decision."""
    path = tmp_path / "own.toml"
    path.write_text(EVENT_TYPE)
    letter = {"reason": "unknown-schema", "topic": "transactions", "offset": 1}
    logs = WrittenLogs({"transactions": [PAID, PAID, PAID], "dead-letters": [json.dumps(letter).encode()]})
    with schema_registry() as registry:
        registry.register("transactions-value", SCHEMA)
        settings = Settings(
            _env_file=None,
            data_dir=tmp_path,
            event_type=str(path),
            schema_registry_url=registry.url,
            partitions=1,
        )
        replay = await replayed(logs, settings, 0)

    assert [100, 100] == [logged.entry.cents for logged in replay.entries.values()]
    assert [0, 2] == [logged.entry.sequence >> 28 for logged in replay.entries.values()]
