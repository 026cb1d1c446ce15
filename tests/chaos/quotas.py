"""A quota on what a worker writes and reads, for a while, with a backlog to decide."""

from typing import NamedTuple

import faust
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Float64, Int16, Int32, Schema, String

from fraudstream.adapters.kafka.admin import administration
from fraudstream.adapters.kafka.security import Kafka
from tests.chaos.stage import Stage, Stuck

BACKLOG = 3000
BYTES_PER_S = 20_000
"""Far less than a worker reads and writes at the usual rate of payments."""
HELD_S = (4.0, 8.0)
HELD_BACK_MIN = 500
"""Payments that wait at the end of a quota: more than a worker leaves for a moment."""


class _Answer(Response):
    API_KEY = 49
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "entries",
            Array(
                ("error_code", Int16),
                ("error_message", String("utf-8")),
                ("entity", Array(("entity_type", String("utf-8")), ("entity_name", String("utf-8")))),
            ),
        ),
    )


class _Alter(RequestStruct):
    API_KEY = 49
    API_VERSION = 0
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        (
            "entries",
            Array(
                ("entity", Array(("entity_type", String("utf-8")), ("entity_name", String("utf-8")))),
                ("ops", Array(("key", String("utf-8")), ("value", Float64), ("remove", Boolean))),
            ),
        ),
        ("validate_only", Boolean),
    )


class AlterClientQuotas(Request[_Alter]):
    """The request of `kafka-configs --entity-type clients`, which aiokafka lacks."""

    API_KEY = 49

    def __init__(self, client_id: str, quota: str, bytes_per_s: float | None) -> None:
        """None removes the quota."""
        self._entries = [
            ([("client-id", client_id)], [(quota, bytes_per_s or 0.0, bytes_per_s is None)]),
        ]

    def build(self, request_struct_class: type[_Alter]) -> _Alter:
        """Return the encoded request."""
        return request_struct_class(self._entries, False)


class Quota(NamedTuple):
    """A client and the name of its quota."""

    client_id: str
    name: str


async def held_back(stage: Stage, rounds: int) -> None:
    """Limit what the worker writes, then what it reads, while it has a backlog; every other time it is killed meanwhile."""
    worker = stage.worker("a", supervised=True)
    worker.start()
    quotas = (
        Quota(f"{stage.settings.app_id}-publisher", "producer_byte_rate"),
        Quota(f"faust-{faust.__version__}", "consumer_byte_rate"),
    )
    stage.facts["waiting"] = waiting = {quota.name: list[int]() for quota in quotas}
    for number in range(rounds):
        for quota in quotas:
            await stage.progress()
            stage.fault()
            await _set(stage, quota, BYTES_PER_S)
            stage.pump.burst(BACKLOG)
            await stage.pause_s(*HELD_S)
            if number % 2:
                stage.kill(worker)
                await stage.pause_s(*HELD_S)
            waiting[quota.name].append(await stage.logs.lag())
            await _set(stage, quota, None)
            await stage.progress()
    if not all(max(counts) > HELD_BACK_MIN for counts in waiting.values()):
        raise Stuck(f"the quotas held nothing back: {waiting}")


async def _set(stage: Stage, quota: Quota, bytes_per_s: float | None) -> None:
    async with administration(Kafka.of(stage.administrator)) as admin:
        answer = await admin._send_request(AlterClientQuotas(*quota, bytes_per_s))
    for code, message, _ in answer.entries:
        if code:
            raise Stuck(f"Kafka does not set {quota}: {message}")
