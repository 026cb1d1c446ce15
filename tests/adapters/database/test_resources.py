"""Resources: documents under kind, name and version, in SQLite and PostgreSQL as they are used."""

import pytest

from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.resources import ResourceStore


@pytest.fixture
def store(database_url: str) -> ResourceStore:
    """Return the store of a new database."""
    return ResourceStore(opened(database_url))


def test_a_document_is_found_again_by_kind_name_and_version(store: ResourceStore) -> None:
    """What is put again keeps the time it was made at."""
    with store.transaction() as resources:
        resources.put("rule", "pay/big", {"amount": 100}, 1)
        resources.put("rule", "pay/big", {"amount": 200}, 2)
        resources.put("rule", "pay_2", {"amount": 300}, 1)
        resources.put("rule", "pay/big", {"amount": 150}, 1)
    with store.transaction(writing=False) as resources:
        found = resources.get("rule", "pay/big", 1)
        under = [(each.name, each.version) for each in resources.all("rule", "pay")]
        missing = resources.get("list", "pay/big", 1)

    assert found is not None
    assert ({"amount": 150}, None) == (found.document, missing)
    assert found.created_at <= found.updated_at
    assert [("pay/big", 1), ("pay/big", 2)] == under


def test_a_transaction_that_fails_leaves_nothing(store: ResourceStore) -> None:
    """Neither what it put nor what it deleted."""
    with store.transaction() as resources:
        resources.put("rule", "kept", {})
    with pytest.raises(RuntimeError, match="stop"):
        _changed_and_failed(store)
    with store.transaction(writing=False) as resources:
        assert ["kept"] == [each.name for each in resources.all("rule")]


def _changed_and_failed(store: ResourceStore) -> None:
    with store.transaction() as resources:
        resources.delete("rule", "kept")
        resources.put("rule", "new", {})
        raise RuntimeError("stop")
