"""What a database takes from the topic `cases`: all that is newer there, nothing else, and nothing twice."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import event

from fraudstream.adapters.database.case_intake import AT_ONCE, take_payments
from fraudstream.adapters.database.case_outbox import take_ready_labels, unpublished
from fraudstream.adapters.database.case_queries import View
from fraudstream.adapters.database.case_recovery import recover
from fraudstream.adapters.database.cases import CaseStore
from fraudstream.adapters.database.engine import DatabaseUnavailable, opened
from fraudstream.domain.review.actions import Close, Note
from fraudstream.domain.review.case import UNDO_MS, Case, Finding, State
from fraudstream.domain.review.record import Published, decoded, encoded
from fraudstream.domain.times import DAY_MS
from tests.adapters.database.reviewed import incoming
from tests.databases import with_tables

NOW = 100 * DAY_MS


@pytest.fixture
def store(database_url: str) -> CaseStore:
    """Return the cases of a new database."""
    return CaseStore(opened(database_url))


def opens(store: CaseStore, *names: str) -> None:
    """Let a payment of a card of its own open a case, each."""
    with store.transaction(NOW) as cases:
        take_payments(
            cases.connection, [incoming(name, f"card-{name}", 10, NOW) for name in names], NOW, DAY_MS
        )


def all_cases(store: CaseStore) -> list[Case]:
    """Return the cases that nobody has closed."""
    with store.reading() as cases:
        return cases.queue(View(), limit=10_000)


def test_what_the_topic_knows_better_is_taken_and_nothing_else(store: CaseStore, tmp_path: Path) -> None:
    """A close and the next case of the card come from the topic; an older version, and a second open case, do not."""
    opens(store, "t1")
    [case] = all_cases(store)
    other = CaseStore(opened(with_tables(f"sqlite:///{tmp_path / 'other.db'}")))
    with store.reading() as cases:
        old = unpublished(cases)
    with store.transaction(NOW + 5) as cases:
        cases.change(case.id, Note("a note"), "ann")
        cases.change(case.id, Close(Finding.FRAUD, "stolen"), "ann")
        take_payments(cases.connection, [incoming("t9", case.entity, 5, NOW)], NOW + 5, DAY_MS)
        new = [decoded(encoded(each)) for each in unpublished(cases)]
    with other.transaction(NOW) as cases:
        take_payments(cases.connection, [incoming("t1", case.entity, 10, NOW)], NOW, DAY_MS)
    taken = recover(other, [*new, *old]), recover(other, [*old, *new])
    with other.transaction(NOW) as cases:
        states = sorted((each.state, each.payments) for each in cases.of_entity("card", case.entity))
        history = [change.action for change in cases.history(case.id)]
        labels = take_ready_labels(cases.connection, NOW + 5 + UNDO_MS)
    stray = Case(id="x", entity_kind="card", entity=case.entity, opened_at=1, due_at=1, changed_at=1)
    assert 0 == recover(other, [Published(stray, [], [])])

    assert (2, 0) == taken
    assert [(State.CLOSED, 1), (State.OPEN, 1)] == states
    assert [Note("a note"), Close(Finding.FRAUD, "stolen")] == history
    assert ["t1"] == [label.transaction_id for label in labels]


def test_of_two_open_cases_of_a_card_in_the_topic_one_is_taken(store: CaseStore) -> None:
    """Two consoles with databases of their own can have published them."""
    both = [
        Case(id=name, entity_kind="card", entity="card-t1", opened_at=1, due_at=1, changed_at=1)
        for name in "xy"
    ]

    assert (1, 0) == (
        recover(store, [Published(case, [], []) for case in both]),
        recover(store, [Published(case, [], []) for case in both]),
    )
    assert ["x"] == [case.id for case in all_cases(store)]


def test_what_was_taken_before_a_failure_stays_and_the_rest_is_taken_then(
    store: CaseStore, tmp_path: Path
) -> None:
    """Many cases are taken in several transactions, so that others can write between them."""
    opens(store, *(f"t{number}" for number in range(3 * AT_ONCE)))
    with store.reading() as cases:
        found = cases.told(cases.queue(View(), limit=10_000))
    restored = CaseStore(opened(with_tables(f"sqlite:///{tmp_path / 'restored.db'}")))
    used, pages = 0, 0

    @event.listens_for(restored.engine, "checkout")
    def limit(connection: sqlite3.Connection, *_: object) -> None:
        nonlocal used
        used = used or connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={used + pages}")

    pages = 150
    with pytest.raises(DatabaseUnavailable, match="full"):
        recover(restored, found)
    before = len(all_cases(restored))
    pages = 100_000

    assert 3 * AT_ONCE - before == recover(restored, found)
    assert 0 == recover(restored, found)
    assert 0 < before < 3 * AT_ONCE == len(all_cases(restored))
