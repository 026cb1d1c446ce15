"""Schemas by id: asked for once, compiled, and kept; while one is asked for, records wait, and nothing is decided wrongly."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterator

from fraudstream.adapters.extras import extras_named
from fraudstream.adapters.schema_registry.registry import Registered, Registry, RegistryUnavailable
from fraudstream.domain.errors import BrokerUnavailable, InvalidTransaction
from fraudstream.domain.events.wire import MISMATCH, UNKNOWN_SCHEMA, Format
from fraudstream.domain.problems import Problem

logger = logging.getLogger(__name__)

Decode = Callable[[bytes], bytes]
"""What follows a value's header -> the same as JSON; raises InvalidTransaction."""

UNKNOWN_PATIENCE_S = 30.0
"""How long an id may be unknown: a registry's replica may learn of a new schema after the first record with it."""

ASKED_AGAIN_AFTER_S = 60.0
"""When an id that stayed unknown is asked for again, once."""

WAIT_MIN_S, WAIT_MAX_S = 0.1, 10.0
"""Between two questions; each wait is twice the one before."""

LOOK_EVERY_S = 0.1
"""How often a wait looks whether it is still wanted: a rebalance waits for it."""

KINDS = {"avro": "AVRO", "protobuf": "PROTOBUF"}
"""Format -> what a registry calls it."""


class Schemas:
    """The schemas of one registry, all of one format."""

    def __init__(
        self,
        kind: Format,
        registry: Registry,
        patience_s: float,
        unknown_patience_s: float = UNKNOWN_PATIENCE_S,
    ) -> None:
        """`patience_s`: how long to wait for a registry that does not answer."""
        self._kind = kind
        self._registry = registry
        self._patience_s = patience_s
        self._unknown_patience_s = unknown_patience_s
        self._decoders: dict[int, Decode] = {}
        self._unknown: dict[int, float] = {}
        """Id -> when it was given up."""
        self._trouble = ""

    def decode(self, schema_id: int, body: bytes) -> bytes:
        """Return a value's body as JSON.

        Raises InvalidTransaction for a body that does not fit or an unknown id, LookupError for an id that is not `ready`.
        """
        if schema_id in self._unknown:
            raise InvalidTransaction(UNKNOWN_SCHEMA, f"the registry has no schema with id {schema_id}")
        return self._decoders[schema_id](body)

    async def ready(self, ids: Collection[int], wanted: Callable[[], bool] = lambda: True) -> bool:
        """Wait until each id is known, or known to be unknown; False as soon as that is not wanted any more.

        Raises BrokerUnavailable if the registry does not answer for too long.
        """
        now = time.monotonic()
        for schema_id in ids:
            again = self._unknown.get(schema_id)
            if again is not None and now - again < ASKED_AGAIN_AFTER_S:
                continue
            if schema_id not in self._decoders and not await self._ask(schema_id, again is not None, wanted):
                return False
        return True

    def problems(self) -> Iterator[Problem]:
        """Say what is waited for."""
        if self._trouble:
            yield Problem(
                "failing",
                f"records wait for a schema: {self._trouble}",
                "check FRAUDSTREAM_SCHEMA_REGISTRY_URL and the registry; the worker retries by itself",
            )

    async def _ask(self, schema_id: int, again: bool, wanted: Callable[[], bool]) -> bool:
        """Ask for a schema with growing waits; True when the answer is kept."""
        begun, wait_s = time.monotonic(), WAIT_MIN_S
        try:
            while wanted():
                trouble = await self._try(schema_id)
                if not trouble:
                    return True
                waited_s = time.monotonic() - begun
                if trouble is UNKNOWN and (again or waited_s >= self._unknown_patience_s):
                    self._unknown[schema_id] = time.monotonic()
                    logger.warning("schema %d is unknown: records with it become dead letters", schema_id)
                    return True
                if trouble is not UNKNOWN and waited_s >= self._patience_s:
                    raise BrokerUnavailable(
                        f"the schema registry has not answered for {waited_s:.0f} s ({trouble}); check FRAUDSTREAM_SCHEMA_REGISTRY_URL"
                    )
                self._trouble = f"{trouble} (id {schema_id}, {self._registry.url})"
                await _wait(wait_s, wanted)
                wait_s = min(2 * wait_s, WAIT_MAX_S)
        finally:
            self._trouble = ""
        return False

    async def _try(self, schema_id: int) -> str:
        """Ask once; return what is wrong, nothing if the schema is kept."""
        try:
            registered = await self._registry.schema(schema_id)
        except RegistryUnavailable as error:
            return f"the registry is unavailable, {error}"
        if registered is None:
            return UNKNOWN
        self._decoders[schema_id] = await asyncio.to_thread(self._compiled, schema_id, registered)
        self._unknown.pop(schema_id, None)
        return ""

    def _compiled(self, schema_id: int, registered: Registered) -> Decode:
        """Return what decodes values with a schema; with one that is no schema of ours all are refused."""
        if registered.kind != KINDS[self._kind]:
            return _refusing(
                f"the schema with id {schema_id} is {registered.kind}, but the event type says {self._kind}"
            )
        with extras_named():
            if self._kind == "avro":
                from fraudstream.adapters.schema_registry.avro import decoder
            else:
                from fraudstream.adapters.schema_registry.protobuf import decoder
        try:
            decode = decoder(registered)
        except ValueError as error:
            return _refusing(f"the schema with id {schema_id} cannot be compiled: {error}")

        def fitting(body: bytes) -> bytes:
            try:
                return decode(body)
            except Exception as error:  # noqa: BLE001 - the library meets bytes of anybody's
                said = f"{type(error).__name__}: {error}"
                raise InvalidTransaction(
                    MISMATCH, f"the value does not fit the schema with id {schema_id}: {said}"
                ) from None

        return fitting


UNKNOWN = "the registry does not know it"


def _refusing(why: str) -> Decode:
    def refuse(_body: bytes) -> bytes:
        raise InvalidTransaction(MISMATCH, why)

    return refuse


async def _wait(wait_s: float, wanted: Callable[[], bool]) -> None:
    for _ in range(max(1, round(wait_s / LOOK_EVERY_S))):
        if not wanted():
            break
        await asyncio.sleep(LOOK_EVERY_S)
