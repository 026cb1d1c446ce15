"""Cases in SQLite and PostgreSQL: opened once, claimed by one, found again in order."""

import threading
from collections import Counter

import pytest
from sqlalchemy import select

from fraudstream.adapters.database.case_intake import take_labels, take_payments
from fraudstream.adapters.database.case_queries import View
from fraudstream.adapters.database.cases import CaseStore
from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.tables import LABEL_OUTBOX
from fraudstream.domain.labels import Label
from fraudstream.domain.review.actions import Assign, Claim, Close, Escalate, Note, SetDue, Tag, Undo
from fraudstream.domain.review.case import CLAIM_MS, UNDO_MS, Case, CaseRefused, Finding, State
from fraudstream.domain.review.intake import Incoming
from fraudstream.domain.times import DAY_MS
from tests.adapters.database.reviewed import incoming

NOW = 100 * DAY_MS


@pytest.fixture
def store(database_url: str) -> CaseStore:
    """Return the cases of a new database."""
    return CaseStore(opened(database_url))


def take(store: CaseStore, *incoming: Incoming, now: int = NOW) -> int:
    """Let payments come."""
    with store.transaction(now) as cases:
        return take_payments(cases.connection, incoming, now, DAY_MS)


def waiting(store: CaseStore, now: int = NOW, **view: object) -> list[Case]:
    """Return the queue."""
    with store.reading(now) as cases:
        return cases.queue(View(**view))  # type: ignore[arg-type]


def test_alerts_of_a_card_open_one_case_and_join_it_until_it_is_closed(store: CaseStore) -> None:
    """Each once, however often it comes; after the close, the next opens another case."""
    first = take(store, incoming("t1", "card1", 10.5, NOW), incoming("t2", "card2", 1, NOW))
    again = take(store, incoming("t3", "card1", 20, NOW), incoming("t1", "card1", 10.5, NOW))
    case = waiting(store)[0]
    with store.transaction(NOW + 1) as cases:
        cases.change(case.id, Close(Finding.FRAUD, "stolen"), "ann")
    later = take(store, incoming("t4", "card1", 5, NOW + 2), now=NOW + 2)

    assert (2, 1, 1) == (first, again, later)
    assert ("card1", 2, 30_500, 800) == (case.entity, case.payments, case.at_risk_thousandths, case.score_max)
    with store.reading() as cases:
        states = [(each.state, each.payments) for each in cases.of_entity("card", "card1")]
        ids = [payment.transaction_id for payment in cases.payments(case.id)]
    assert [(State.OPEN, 1), (State.CLOSED, 2)] == states
    assert ["t1", "t3"] == sorted(ids)


def test_a_day_of_waiting_counts_as_much_as_twice_the_money(store: CaseStore) -> None:
    """So a large amount comes first, and nobody waits for ever."""
    day = 24 * 3_600_000
    take(store, incoming("t1", "old", 100, NOW - 2 * day), incoming("t2", "small", 99, NOW))
    take(store, incoming("t3", "new and large", 350, NOW), incoming("t4", "larger", 450, NOW))

    assert ["larger", "old", "new and large", "small"] == [case.entity for case in waiting(store)]
    with store.reading(NOW) as cases:
        one = cases.queue(View(), limit=2)[-1]
        assert ["new and large", "small"] == [case.entity for case in cases.queue(View(), after=one)]
        assert (4, 1) == (cases.count(View()), cases.count(View(at_risk_min_thousandths=400_000)))


def test_two_people_who_ask_at_once_never_get_the_same_case(store: CaseStore) -> None:
    """Each case is claimed by one of eight, and none is left."""
    take(store, *(incoming(f"t{number}", f"card{number}", number, NOW) for number in range(40)))
    claimed: list[tuple[str, str]] = []

    def work(who: str) -> None:
        while True:
            with store.transaction(NOW) as cases:
                case = cases.claim_next(who)
            if case is None:
                return
            claimed.append((case.id, who))

    threads = [threading.Thread(target=work, args=(f"p{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {1} == set(Counter(case_id for case_id, _ in claimed).values())
    assert 40 == len(claimed)


def test_a_claim_keeps_others_out_until_it_is_over(store: CaseStore) -> None:
    """Then whoever asks next gets the case."""
    take(store, incoming("t1", "card1", 10, NOW))
    with store.transaction(NOW) as cases:
        case = cases.claim_next("ann")
        assert case is not None
        assert cases.claim_next("bob") is None
        with pytest.raises(CaseRefused, match="ann has claimed the case"):
            cases.change(case.id, Close(Finding.UNSURE, "?"), "bob")
    with store.transaction(NOW + CLAIM_MS) as cases:
        taken = cases.claim_next("bob")
    assert taken is not None
    assert ("bob", case.id) == (taken.claimed_by, taken.id)


def test_what_was_changed_since_it_was_seen_is_not_changed_unseen(store: CaseStore) -> None:
    """A second click on the same button, or an old page, is refused."""
    take(store, incoming("t1", "card1", 10, NOW))
    case = waiting(store)[0]
    with store.transaction(NOW) as cases:
        cases.change(case.id, Claim(), "ann", version=case.version)
        with pytest.raises(CaseRefused, match="changed meanwhile"):
            cases.change(case.id, Claim(), "ann", version=case.version)


def test_views_find_cases_by_whom_they_wait_for_and_what_is_written_on_them(store: CaseStore) -> None:
    """Assigned and escalated ones, tags, and what is overdue; and the history says who did it."""
    take(store, *(incoming(f"t{number}", f"card{number}", number, NOW) for number in range(4)))
    ids = {case.entity: case.id for case in waiting(store)}
    with store.transaction(NOW) as cases:
        cases.change(ids["card0"], Assign("bob"), "ann")
        cases.change(ids["card1"], Tag(' "mail order" 100% '), "ann")
        cases.change(ids["card2"], Escalate("large"), "ann")
        cases.change(ids["card3"], SetDue(NOW - 1), "ann")
        cases.change(ids["card3"], Note("called the holder"), "bob")

    def entities(**view: object) -> list[str]:
        return [case.entity for case in waiting(store, **view)]

    assert ["card0"] == entities(assignee="bob")
    assert ["card1"] == entities(tag='"mail order" 100%')
    assert ["card2"] == entities(queue="escalated")
    assert ["card3"] == entities(overdue=True)
    assert ["card3", "card0", "card1"] == entities(order="due")
    with store.transaction(NOW) as cases:
        history = [(change.who, change.action) for change in cases.history(ids["card3"])]
        bobs = [cases.claim_next("bob", escalated=True), cases.claim_next("cem"), cases.claim_next("cem")]
        assert cases.claim_next("cem") is None  # the last one is bob's
    assert [("ann", SetDue(NOW - 1)), ("bob", Note("called the holder"))] == history
    assert ["card2", "card3", "card1"] == [case.entity for case in bobs if case]


def test_many_cases_are_closed_at_once_and_refusals_are_said(store: CaseStore) -> None:
    """One that somebody works on stays as it is."""
    take(store, *(incoming(f"t{number}", f"card{number}", 10, NOW) for number in range(3)))
    ids = [case.id for case in waiting(store)]
    with store.transaction(NOW) as cases:
        cases.change(ids[0], Claim(), "bob")
        done, refused = cases.change_all([*ids, "nothing"], Close(Finding.LEGITIMATE, "a test"), "ann")

    assert sorted(ids[1:]) == [case.id for case in done]
    assert {(ids[0], "bob has claimed the case"), ("nothing", "there is no case nothing")} == {
        (each.case_id, each.why) for each in refused
    }


def test_a_close_cannot_be_taken_back_once_its_labels_leave(store: CaseStore) -> None:
    """Even if a slow request still believes that it is in time."""
    take(store, incoming("t1", "card1", 10, NOW))
    case = waiting(store)[0]
    with store.transaction(NOW) as cases:
        cases.change(case.id, Close(Finding.FRAUD, "stolen"), "ann")
    with store.transaction(NOW + 1) as cases:
        cases.change(case.id, Undo(), "ann")
        cases.change(case.id, Close(Finding.FRAUD, "stolen"), "ann")
        cases.connection.execute(LABEL_OUTBOX.update().values(taken=True))
        with pytest.raises(CaseRefused, match="being published already"):
            cases.change(case.id, Undo(), "ann")


def test_a_program_opens_a_case_and_takes_what_was_found_once(store: CaseStore) -> None:
    """Only after nobody can take the close back."""
    with store.transaction(NOW) as cases:
        case = cases.open("a2i", "loop-1", {"amount": 120, "text": "ä"})
        assert case == cases.open("a2i", "loop-1", {"other": 1})
        assert cases.claim_next("ann") is not None
        cases.change(case.id, Close(Finding.LEGITIMATE, "known customer"), "ann")
        assert [] == cases.unsettled("a2i")
    with store.transaction(NOW + UNDO_MS) as cases:
        assert [] == cases.unsettled("other")
        closed = cases.unsettled("a2i")
        cases.settle(closed[0].id)
        assert [] == cases.unsettled("a2i")
        assert [] == [*cases.connection.execute(select(LABEL_OUTBOX))]

    assert [("loop-1", {"amount": 120, "text": "ä"}, Finding.LEGITIMATE)] == [
        (each.entity, each.payload, each.finding) for each in closed
    ]


def test_labels_of_others_appear_at_their_payments_and_unknown_payments_are_passed_over(
    store: CaseStore,
) -> None:
    """A chargeback long after a review, the same label twice, and one of a payment that nobody reviews."""
    take(store, incoming("t1", "card1", 10, NOW))
    case = waiting(store)[0]
    review, chargeback = Label("t1", False, NOW, "review"), Label("t1", True, NOW + DAY_MS, "chargeback")
    with store.transaction(NOW) as cases:
        counts = [
            take_labels(cases.connection, [review, Label("unknown", True, NOW)]),
            take_labels(cases.connection, [chargeback, review, chargeback]),
        ]
        labels = cases.labels(case.id)

    assert [1, 2] == counts
    assert {"t1": [review, chargeback]} == labels


def test_an_undo_that_is_refused_removes_no_labels(store: CaseStore) -> None:
    """Also if whoever asked goes on in the same transaction: the card has got a newer case since."""
    take(store, incoming("t1", "card1"))
    (case,) = waiting(store)
    with store.transaction(NOW) as cases:
        cases.change(case.id, Close(Finding.FRAUD, "stolen"), "ann")
    take(store, incoming("t2", "card1"))
    with store.transaction(NOW + 1) as cases:
        with pytest.raises(CaseRefused, match="newer open case"):
            cases.change(case.id, Undo(), "ann")
        left = cases.connection.execute(select(LABEL_OUTBOX.c.transaction_id)).scalars().all()

    assert ["t1"] == left
