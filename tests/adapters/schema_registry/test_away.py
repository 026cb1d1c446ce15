"""A registry that is unreachable, slow or failing costs no record its decision; only a schema that it does not know does."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from fraudstream.adapters.schema_registry.registry import Login, Registry
from fraudstream.adapters.schema_registry.schemas import Schemas
from fraudstream.domain.errors import BrokerUnavailable, InvalidTransaction
from tests.schema_registry import SchemaRegistry, schema_registry


@pytest.fixture
def registry() -> Iterator[SchemaRegistry]:
    """Serve a registry."""
    with schema_registry() as running:
        yield running


def schemas(registry: SchemaRegistry, login: Login | None = None, **more: Any) -> Schemas:
    """Return what a worker knows of a registry's schemas."""
    return Schemas("avro", Registry(registry.url, login), **{"patience_s": 60.0, **more})


async def test_a_schema_that_the_registry_knows_only_later_is_waited_for(registry: SchemaRegistry) -> None:
    """As from a replica of the registry that lags."""
    value = b"\0" + (7).to_bytes(4) + b"\x06Ulm"
    with_answer: list[str] = registry.asked

    def wanted() -> bool:
        if len(with_answer) == 2 and 7 not in registry.schemas:
            registry.register(
                "late",
                '{"type": "record", "name": "S", "fields": [{"name": "city", "type": "string"}]}',
                schema_id=7,
            )
        return True

    of = schemas(registry)
    assert await of.ready({7}, wanted)
    assert b'{"city":"Ulm"}' == of.decode(7, value[5:])
    assert 3 == len(registry.asked)


async def test_an_id_that_stays_unknown_is_refused_and_not_asked_for_with_every_record(
    registry: SchemaRegistry,
) -> None:
    """It has a reason of its own."""
    of = schemas(registry, unknown_patience_s=0.15)
    assert await of.ready({9})
    asked = len(registry.asked)
    assert await of.ready({9})

    assert 2 <= asked == len(registry.asked)
    with pytest.raises(InvalidTransaction, match="unknown-schema: the registry has no schema with id 9"):
        of.decode(9, b"")


@pytest.mark.parametrize("status", [500, 503, 401, 403, 404, 429])
async def test_a_failing_registry_makes_no_schema_unknown(registry: SchemaRegistry, status: int) -> None:
    """Health tells while records wait; a 404 without the registry's own code is a wrong address."""
    registry.register("s", '"string"')
    registry.failing, told = status, []

    def wanted() -> bool:
        told.extend(of.problems())
        if told:
            registry.failing = None
        return True

    of = schemas(registry, unknown_patience_s=0.0)
    assert await of.ready({1}, wanted)
    assert b'"Ulm"' == of.decode(1, b"\x06Ulm")
    assert f"it answers {status} the store is down (id 1, {registry.url})" in told[0].sentence
    assert "failing" == told[0].severity
    assert [] == list(of.problems())


async def test_a_registry_that_never_answers_ends_the_wait_and_a_rebalance_at_once(
    registry: SchemaRegistry,
) -> None:
    """The error says that a restart may find the schema."""
    registry.failing = 503
    assert not await schemas(registry).ready({1}, lambda: False)
    with pytest.raises(
        BrokerUnavailable,
        match=r"the schema registry has not answered .* check FRAUDSTREAM_SCHEMA_REGISTRY_URL",
    ):
        await schemas(registry, patience_s=0.0).ready({1})


async def test_nothing_listens_at_the_address() -> None:
    """The sentence says so."""
    with pytest.raises(BrokerUnavailable, match=r"Cannot connect to host 127\.0\.0\.1:9"):
        await Schemas("avro", Registry("http://127.0.0.1:9"), patience_s=0.0).ready({1})


async def test_a_user_logs_in(registry: SchemaRegistry) -> None:
    """With HTTP's basic authentication; without it the registry is in trouble, and no id unknown."""
    registry.register("s", '"string"')
    registry.login = "Basic " + base64.b64encode("wörker:secret".encode()).decode()

    assert await schemas(registry, login=Login("wörker", "secret")).ready({1})
    with pytest.raises(BrokerUnavailable, match="it answers 401 Unauthorized"):
        await schemas(registry, patience_s=0.0).ready({1})
