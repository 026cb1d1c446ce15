"""Sets quotas as an administrator does, by the request of `kafka-configs --entity-type clients`, which aiokafka lacks."""

import asyncio

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Float64, Int16, Int32, Schema, String

from fraudstream.adapters.kafka.admin import administration
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.settings import Settings
from tests.topic_settings import HEEDED_AFTER_S

TEXT = String("utf-8")
ENTITY = ("entity", Array(("entity_type", TEXT), ("entity_name", TEXT)))


class _Answer(Response):
    API_KEY = 49
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("entries", Array(("error_code", Int16), ("error_message", TEXT), ENTITY)),
    )


class _Alter(RequestStruct):
    API_KEY = 49
    API_VERSION = 0
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        ("entries", Array(ENTITY, ("ops", Array(("key", TEXT), ("value", Float64), ("remove", Boolean))))),
        ("validate_only", Boolean),
    )


class AlterClientQuotas(Request[_Alter]):
    """Sets a quota of one client id."""

    API_KEY = 49

    def __init__(self, client_id: str, quota: str, bytes_per_s: float) -> None:
        self._entry = ([("client-id", client_id)], [(quota, bytes_per_s, False)])

    def build(self, request_struct_class: type[_Alter]) -> _Alter:
        """Return the encoded request."""
        return request_struct_class([self._entry], False)


async def hold_back(settings: Settings, client_id: str, bytes_per_s: float) -> None:
    """Let a client write no more than this."""
    async with administration(Kafka.of(settings)) as admin:
        answer = await admin._send_request(AlterClientQuotas(client_id, "producer_byte_rate", bytes_per_s))
    assert [0] == [code for code, *_ in answer.entries]
    await asyncio.sleep(HEEDED_AFTER_S)
