"""Events that programs delete: which they are, what is answered of them, and what models learn."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.resources import ResourceStore
from fraudstream.api.fraud_detector.batch_jobs import IMPORT
from fraudstream.api.fraud_detector.deleted_events import Deleted, deleted, undelete
from fraudstream.api.fraud_detector.training import days_within
from tests.api.fraud_detector.building import build
from tests.api.fraud_detector.door import boto_client, door
from tests.databases import with_tables

JANUARY = {"startTime": "2020-01-01T00:00:00Z", "endTime": "2020-01-31T00:00:00Z"}
PAYMENTS: dict[str, Any] = {"eventTypeName": "payment"}


def test_deleted_events_are_those_of_their_type(tmp_path: Path) -> None:
    """Known or not; that predictions are deleted, too, is not taken back by a later request without that."""
    store = ResourceStore(opened(with_tables(f"sqlite:///{tmp_path / 'f.db'}")))
    with door(tmp_path) as (url, _):
        client = boto_client(url)
        build(client)
        client.delete_event(eventId="e-1", **PAYMENTS)
        client.delete_event(eventId="e-2", deleteAuditHistory=True, **PAYMENTS)
        client.delete_event(eventId="e-2", **PAYMENTS)
        with pytest.raises(client.exceptions.ValidationException, match="event type other does not exist"):
            client.delete_event(eventId="e-3", eventTypeName="other")
    of_payments = store.within(lambda found: deleted(found, "payment"))
    store.within(lambda found: undelete(found, "payment", "e-1"))

    assert Deleted(frozenset({"e-1", "e-2"}), 0, frozenset({"e-2"})) == of_payments
    assert not store.within(lambda found: deleted(found, "pay"))
    assert frozenset({"e-2"}) == store.within(lambda found: deleted(found, "payment")).events


def test_all_events_of_a_type_are_deleted_but_while_some_are_imported(tmp_path: Path) -> None:
    """Those that were decided until then; there is no status before."""
    store = ResourceStore(opened(with_tables(f"sqlite:///{tmp_path / 'f.db'}")))
    going = {"eventTypeName": "payment", "status": "IN_PROGRESS"}
    with door(tmp_path) as (url, _):
        client = boto_client(url)
        build(client)
        missing = client.exceptions.ResourceNotFoundException
        with pytest.raises(missing, match="were not deleted"):
            client.get_delete_events_by_event_type_status(**PAYMENTS)
        with pytest.raises(missing, match="event type other does not exist"):
            client.delete_events_by_event_type(eventTypeName="other")
        store.within(lambda found: found.put(IMPORT.kind, "i", going))
        with pytest.raises(client.exceptions.ConflictException, match="job i imports some"):
            client.delete_events_by_event_type(**PAYMENTS)
        store.within(lambda found: found.put(IMPORT.kind, "i", going | {"status": "COMPLETE"}))
        assert "COMPLETE" == client.delete_events_by_event_type(**PAYMENTS)["eventsDeletionStatus"]
        told = client.get_delete_events_by_event_type_status(**PAYMENTS)
    gone = store.within(lambda found: deleted(found, "payment"))

    assert ("payment", "COMPLETE") == (told["eventTypeName"], told["eventsDeletionStatus"])
    assert (True, False) == (gone.has("e-1", gone.until_ms), gone.has("e-1", gone.until_ms + 1))


@pytest.mark.parametrize(
    ("gone", "expected"),
    [
        (Deleted(), ["a", "b", "c", "d"]),
        (Deleted(frozenset({"b"})), ["a", "c", "d"]),
        (Deleted(until_ms=2), ["c", "d"]),
        (Deleted(frozenset({"d"}), 2), ["c"]),
    ],
)
def test_models_learn_nothing_from_deleted_events(tmp_path: Path, gone: Deleted, expected: list[str]) -> None:
    """The days of the archive that are trained on are without them, and the archive itself is as before."""
    for day, events in (("2020-01-01", "ab"), ("2020-01-02", "cd"), ("2020-02-01", "e")):
        file = tmp_path / "archive" / f"date={day}" / "decisions.parquet"
        file.parent.mkdir(parents=True)
        rows = {"transaction_id": list(events), "decided_at": ["abcde".index(each) + 1 for each in events]}
        pl.DataFrame(rows).write_parquet(file)
    (tmp_path / "archive" / "labels").mkdir()
    made = days_within(tmp_path / "archive", tmp_path / "history", JANUARY, gone)
    seen = pl.read_parquet(made / "date=*" / "*.parquet", hive_partitioning=False)
    kept = pl.read_parquet(tmp_path / "archive" / "date=*" / "*.parquet", hive_partitioning=False)

    assert expected == sorted(seen["transaction_id"])
    assert ["a", "b", "c", "d", "e"] == sorted(kept["transaction_id"])
    assert (made / "labels").is_dir()
