"""Cases and positions stay in step: when the database is locked or full, when two read at once, when a clock is set back."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import event, select

from fraudstream.adapters.database import engine as engine_module
from fraudstream.adapters.database.case_intake import take_labels, take_payments
from fraudstream.adapters.database.case_outbox import take_ready_labels
from fraudstream.adapters.database.case_queries import View
from fraudstream.adapters.database.cases import CaseStore
from fraudstream.adapters.database.engine import DatabaseUnavailable, opened
from fraudstream.adapters.database.leader import leading
from fraudstream.adapters.database.positions import advance, stored
from fraudstream.adapters.database.tables import LABEL_OUTBOX
from fraudstream.adapters.kafka.log_fit import Position
from fraudstream.domain.labels import Label
from fraudstream.domain.review.actions import Close, Note, Reopen
from fraudstream.domain.review.case import UNDO_MS, Case, Finding
from fraudstream.domain.review.record import BYTES_MAX, CaseChange, Published, decoded, encoded
from fraudstream.domain.times import DAY_MS
from tests.adapters.database.reviewed import incoming
from tests.databases import with_tables

NOW = 100 * DAY_MS
PLACE = ("fraud-alerts", 0)


@pytest.fixture
def store(database_url: str) -> CaseStore:
    """Return the cases of a new database."""
    return CaseStore(opened(database_url))


def read(store: CaseStore, before: Position | None, after: int, *names: str, amount: float = 10) -> None:
    """Take payments and the position after them in one transaction, as the console does."""
    with store.transaction(NOW) as cases:
        advance(cases.connection, PLACE, before, Position(after, "print"))
        take_payments(
            cases.connection, [incoming(name, f"card-{name}", amount, NOW) for name in names], NOW, DAY_MS
        )


def position(store: CaseStore) -> Position | None:
    """Return how far the alerts were read."""
    with store.reading() as cases:
        return stored(cases.connection, PLACE[0]).get(PLACE)


def all_cases(store: CaseStore) -> list[Case]:
    """Return the queue."""
    with store.reading(NOW) as cases:
        return cases.queue(View(), limit=1000)


def test_two_readers_of_the_same_records_cannot_both_count(store: CaseStore) -> None:
    """Whoever comes second has read from a position that is no longer there, and nothing of it stays."""
    read(store, None, 5, "t1")
    for before in (None, Position(3, "print")):
        with pytest.raises(DatabaseUnavailable, match="another console has read fraud-alerts, partition 0"):
            read(store, before, 9, "t2")
    read(store, position(store), 9, "t3")

    assert (Position(9, "print"), {"card-t1", "card-t3"}) == (
        position(store),
        {case.entity for case in all_cases(store)},
    )


def test_a_locked_database_is_said_and_nothing_of_the_step_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step is done as a whole once the lock is gone."""
    monkeypatch.setattr(engine_module, "BUSY_TIMEOUT_MS", 50)
    store = CaseStore(opened(with_tables(f"sqlite:///{tmp_path / 'f.db'}")))
    other = sqlite3.connect(tmp_path / "f.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable, match="locked"):
        read(store, None, 5, "t1")
    assert (None, []) == (position(store), all_cases(store))  # whoever only reads is not locked out
    other.execute("ROLLBACK")
    other.close()
    read(store, None, 5, "t1")

    assert (5, 1) == ((position(store) or Position(0, None)).next_offset, len(all_cases(store)))


def test_a_full_database_is_said_and_nothing_of_the_step_stays(tmp_path: Path) -> None:
    """Once there is space again, reading goes on where it was."""
    store = CaseStore(opened(with_tables(f"sqlite:///{tmp_path / 'f.db'}")))
    pages = 0

    @event.listens_for(store.engine, "checkout")
    def limit(connection: sqlite3.Connection, *_: object) -> None:
        used = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={used + pages}")

    names = [f"t{number}" for number in range(500)]
    with pytest.raises(DatabaseUnavailable, match="full"):
        read(store, None, 5, *names)
    assert (None, []) == (position(store), all_cases(store))
    pages = 1_000
    read(store, None, 5, *names)

    assert 500 == len(all_cases(store))


def test_a_finding_is_known_later_than_an_earlier_one_even_if_the_clock_was_set_back(
    store: CaseStore,
) -> None:
    """Of two labels the one that became known later counts."""
    read(store, None, 5, "t1")
    case = all_cases(store)[0]
    for now, finding in ((NOW, Finding.FRAUD), (NOW - 3_600_000, Finding.LEGITIMATE)):
        with store.transaction(now) as cases:
            cases.change(case.id, Close(finding, "because"), "ann")
            if finding == Finding.FRAUD:
                cases.change(case.id, Reopen("a mistake"), "ann")
    with store.engine.connect() as connection:
        wanted = select(LABEL_OUTBOX.c.known_at, LABEL_OUTBOX.c.fraud).order_by(LABEL_OUTBOX.c.known_at)
        assert [(NOW, True), (NOW + 1, False)] == [(row[0], row[1]) for row in connection.execute(wanted)]


def test_labels_leave_when_nobody_can_undo_and_not_again_once_the_topic_has_them(store: CaseStore) -> None:
    """Between the two, a kill lets them leave once more, unchanged."""
    read(store, None, 5, "t1", "t2")
    ids = [case.id for case in all_cases(store)]
    with store.transaction(NOW) as cases:
        cases.change_all(ids, Close(Finding.UNSURE, "who knows"), "ann")
        early = take_ready_labels(cases.connection, NOW + UNDO_MS - 1)
        first = take_ready_labels(cases.connection, NOW + UNDO_MS)
        again = take_ready_labels(cases.connection, NOW + UNDO_MS)
        take_labels(cases.connection, first[:1])
        left = take_ready_labels(cases.connection, NOW + UNDO_MS)

    assert [] == early
    assert [Label(name, None, NOW, "review", "who knows") for name in ("t1", "t2")] == first == again
    assert first[1:] == left


def test_a_record_of_a_huge_case_fits_and_has_the_newest_of_it() -> None:
    """Kafka refuses records of more than a megabyte."""
    payments = [incoming(f"t{number}", "card1", 10, NOW - number).payment for number in range(5_000)]
    notes = [CaseChange(number, NOW, "ann", Note("ü" * 2_000)) for number in range(1_000)]
    case = Case(id="x", entity_kind="card", entity="card1", opened_at=1, due_at=1, changed_at=1)
    value = encoded(Published(case, payments, notes))

    assert BYTES_MAX >= len(value)
    assert "t0" == decoded(value).payments[0].transaction_id
    assert case == decoded(value).case
    assert notes[-1] == decoded(value).changes[-1]


def test_one_of_two_does_the_task_and_the_other_takes_over(store: CaseStore) -> None:
    """Whoever waits ends when told to."""
    stop, order = threading.Event(), list[bool]()

    def wait() -> None:
        with leading(store.engine, "cases", stop) as leads:
            order.append(leads)

    with leading(store.engine, "cases", threading.Event()) as leads:
        waiting = threading.Thread(target=wait)
        waiting.start()
        stop.set()
        waiting.join()
    with leading(store.engine, "cases", threading.Event()) as after:
        assert (True, [False], True) == (leads, order, after)


@pytest.mark.process
def test_processes_that_start_at_once_make_the_tables_once(empty_database_url: str) -> None:
    """Console, API and webhooks share a database, and a cluster starts them together."""
    program = "import sys; from fraudstream.adapters.database.engine import opened; opened(sys.argv[1])"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, empty_database_url], stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]

    assert ["", "", "", ""] == [process.communicate()[1] for process in started]
