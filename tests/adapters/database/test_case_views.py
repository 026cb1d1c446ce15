"""Views of many cases: they have what they say, and what few cases fulfil is found without reading the whole queue."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from fraudstream.adapters.database import case_queries
from fraudstream.adapters.database.case_intake import take_payments
from fraudstream.adapters.database.case_queries import View
from fraudstream.adapters.database.cases import CaseStore
from fraudstream.adapters.database.engine import opened
from fraudstream.domain.review.actions import Assign, Close, Snooze, Tag
from fraudstream.domain.review.case import Case, Finding, State
from fraudstream.domain.times import DAY_MS, HOUR_MS
from tests.adapters.database.reviewed import incoming

NOW = 100 * DAY_MS
STEP = 100
"""Instructions of SQLite between two that are counted."""

VIEWS: dict[str, tuple[View, Callable[[Case], bool]]] = {
    "mine": (View(whose="bob"), lambda case: case.assignee == "bob"),
    "snoozed": (View(order="due", snoozed=True), lambda case: case.state == State.SNOOZED),
    "tagged": (View(tag="new"), lambda case: case.tags == ("new",)),
    "at risk": (View(at_risk_min_thousandths=990_000), lambda case: case.at_risk_thousandths >= 990_000),
    "at risk and ready": (
        View(at_risk_min_thousandths=990_000, ready=True),
        lambda case: case.at_risk_thousandths >= 990_000 and case.state != State.SNOOZED,
    ),
}


def filled(url: str, count: int) -> CaseStore:
    """Return so many cases, of which few are special."""
    store = CaseStore(opened(url))
    payments = [incoming(f"t{n}", f"card{n}", n * 1000 / count, NOW - n * HOUR_MS) for n in range(count)]
    with store.transaction(NOW) as cases:
        take_payments(cases.connection, payments, NOW, DAY_MS)
    with store.transaction(NOW) as cases:
        ids = {case.entity: case.id for case in cases.queue(View(), count)}
        cases.change(ids[f"card{count - 1}"], Snooze(NOW + HOUR_MS), "ann")
        cases.change(ids["card0"], Assign("bob"), "ann")
        cases.change(ids["card1"], Tag("new"), "ann")
        cases.change(ids["card2"], Close(Finding.FRAUD, "stolen"), "ann")
    return store


@pytest.mark.parametrize("few", [0, 10_000])
def test_a_view_has_the_cases_that_it_says(
    database_url: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its order, page by page, whether what it asks is looked up or met on the way."""
    monkeypatch.setattr(case_queries, "FEW", few)
    with filled(database_url, 300).reading(NOW) as cases:
        everything = cases.queue(View(), 300)
        for view, holds in VIEWS.values():
            expected = {case.id for case in everything if holds(case)}
            first = cases.queue(view, 1)
            found = first + cases.queue(view, 300, first[0])

            assert expected == {case.id for case in found}
            assert len(expected) == len(found) == cases.count(view)
            if view.order == "urgency":
                assert sorted(found, key=lambda case: -case.urgency) == found


def test_few_cases_are_found_without_reading_the_queue(tmp_path: Path) -> None:
    """Counted in instructions of SQLite, which are the same on every machine: the whole queue has 3,000 cases."""
    store = filled(f"sqlite:///{tmp_path / 'cases.db'}", 3_000)
    with store.reading(NOW) as cases:
        driver = cases.connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        met = 0

        def step() -> int:
            nonlocal met
            met += 1
            return 0

        driver.set_progress_handler(step, STEP)
        spent = {}
        for name, ask in {"everything": lambda: cases.queue(View(), 3_000), **_asked(cases)}.items():
            met = 0
            ask()
            spent[name] = met
        driver.set_progress_handler(None, STEP)

    tenth = spent.pop("everything") / 10
    assert 0 < tenth
    assert {} == {name: each for name, each in spent.items() if each > tenth}


def _asked(cases: case_queries.CaseQueries) -> dict[str, Callable[[], object]]:
    counts = {f"{name}, counted": lambda view=view: cases.count(view) for name, (view, _) in VIEWS.items()}
    lists = {f"{name}, listed": lambda view=view: cases.queue(view) for name, (view, _) in VIEWS.items()}
    return {**counts, **lists}
