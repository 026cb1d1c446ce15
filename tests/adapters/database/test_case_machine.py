"""Cases in the database do what an oracle says that knows only what was done with them."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import select

from fraudstream.adapters.database.case_intake import take_payments
from fraudstream.adapters.database.cases import CaseStore
from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.tables import LABEL_OUTBOX
from fraudstream.domain.review import actions
from fraudstream.domain.review.case import CLAIM_MS, UNDO_MS, Case, CaseRefused, Finding
from fraudstream.domain.times import DAY_MS
from tests.adapters.database.reviewed import incoming
from tests.domain.review.case_oracle import CaseOracle, Done

PEOPLE = ("ann", "bob", "cem")
CARDS = ("a" * 32, "b" * 32)
ACTIONS = st.one_of(
    st.just(actions.Claim()),
    st.just(actions.Release()),
    st.builds(actions.Assign, st.sampled_from([*PEOPLE, None])),
    st.builds(actions.Close, st.sampled_from(Finding), st.just("because")),
    st.just(actions.Close(Finding.FRAUD, "stolen")),
    st.just(actions.Undo()),
    st.just(actions.Reopen("once more")),
    st.just(actions.Escalate("too large")),
    st.just(actions.Note("called")),
)
STEPS = st.sampled_from([1, UNDO_MS - 1, UNDO_MS, CLAIM_MS - 1, CLAIM_MS, 3 * CLAIM_MS])


class CaseMachine(RuleBasedStateMachine):
    """Alerts, people and time, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.store = CaseStore(opened("sqlite://"))
        self.now = 10 * DAY_MS
        self.number = 0
        self.cases: dict[str, CaseOracle] = {}

    def teardown(self) -> None:
        """Close the database."""
        self.store.engine.dispose()

    @rule(card=st.sampled_from(CARDS), amount=st.integers(0, 1000))
    def alert(self, card: str, amount: int) -> None:
        """A payment comes that is to be reviewed; the same alert a second time changes nothing."""
        self.number += 1
        name = f"t{self.number}"
        with self.store.transaction(self.now) as cases:
            same = [incoming(name, card, amount, self.now)] * 2
            assert 1 == take_payments(cases.connection, same, self.now, DAY_MS)
            case = cases.of_payment(name)
        assert case is not None
        known = [each for each in self.cases.values() if each.entity == card and each.closed() is None]
        oracle = known[0] if known else self.cases.setdefault(case.id, CaseOracle(card))
        assert oracle is self.cases[case.id]
        oracle.log.append(Done(self.now, "", name))

    @precondition(lambda self: self.cases)
    @rule(data=st.data(), action=ACTIONS, who=st.sampled_from(PEOPLE), over=st.booleans())
    def act(self, data: Any, action: actions.Action, who: str, over: bool) -> None:
        """Somebody does something, or is refused."""
        self._try(data.draw(st.sampled_from(sorted(self.cases))), action, who, over)

    @precondition(lambda self: self.cases)
    @rule(data=st.data(), lasts=STEPS, step=STEPS, who=st.sampled_from(PEOPLE))
    def snooze(self, data: Any, lasts: int, step: int, who: str) -> None:
        """Somebody puts a case off, and asks for the next after a while."""
        case_id = data.draw(st.sampled_from(sorted(self.cases)))
        self._try(case_id, actions.Snooze(self.now + lasts), who, over=False)
        self.now += step
        self.claim_next(who)

    @precondition(lambda self: self.cases)
    @rule(
        data=st.data(),
        finding=st.sampled_from(Finding),
        who=st.sampled_from(PEOPLE),
        step=st.sampled_from([0, UNDO_MS - 1, UNDO_MS]),
    )
    def reconsider(self, data: Any, finding: Finding, who: str, step: int) -> None:
        """Somebody closes a case, and thinks again, in time or too late."""
        case_id = data.draw(st.sampled_from(sorted(self.cases)))
        self._try(case_id, actions.Close(finding, "because"), who, over=True)
        self.now += step
        self._try(case_id, actions.Undo(), who, over=False)
        self._try(case_id, actions.Close(finding, "after all"), who, over=True)

    @rule(who=st.sampled_from(PEOPLE))
    def claim_next(self, who: str) -> None:
        """Somebody asks for the most urgent case."""
        with self.store.transaction(self.now) as cases:
            case = cases.claim_next(who)
            free = [each for key in self.cases if self._is_free(each := cases.get(key), who)]
        if case is None:
            assert [] == free
        else:
            assert all(case.urgency >= each.urgency for each in free)
            assert self.cases[case.id].allows(actions.Claim(), who, self.now, over=False)
            self.cases[case.id].log.append(Done(self.now, who, actions.Claim()))

    @rule(step=STEPS)
    def wait(self, step: int) -> None:
        """Time passes."""
        self.now += step

    @invariant()
    def states_are_the_oracle_s(self) -> None:
        """Every case is in its state, with its payments, claimed by whoever has it."""
        with self.store.reading(self.now) as cases:
            for case_id, oracle in self.cases.items():
                case = cases.get(case_id)
                said = oracle.state(), oracle.claimer(self.now), len(oracle.payments)
                assert said == (case.state, case.claimed(self.now), case.payments)
                assert sorted(oracle.payments) == sorted(
                    each.transaction_id for each in cases.payments(case_id)
                )

    @invariant()
    def labels_are_the_oracle_s(self) -> None:
        """The outbox has the labels of every close that was not taken back."""
        columns = LABEL_OUTBOX.c.transaction_id, LABEL_OUTBOX.c.known_at, LABEL_OUTBOX.c.fraud
        with self.store.engine.connect() as connection:
            there = {(row[0], row[1]): row[2] for row in connection.execute(select(*columns))}
        made: dict[tuple[str, int], Any] = {}
        for oracle in self.cases.values():
            made |= oracle.labels()
        assert made == there

    def _try(self, case_id: str, action: actions.Action, who: str, over: bool) -> None:
        oracle = self.cases[case_id]
        allowed = oracle.allows(action, who, self.now, over)
        if isinstance(action, actions.Undo | actions.Reopen):
            others = [each for each in self.cases.values() if each is not oracle and each.closed() is None]
            allowed = allowed and all(each.entity != oracle.entity for each in others)
        try:
            with self.store.transaction(self.now) as cases:
                cases.change(case_id, action, who, over=over)
        except CaseRefused:
            assert not allowed
        else:
            assert allowed
            oracle.log.append(Done(self.now, who, action))

    def _is_free(self, case: Case, who: str) -> bool:
        oracle = self.cases[case.id]
        waits = case.snoozed_until is not None and case.snoozed_until > self.now
        free = oracle.state() in {"open", "snoozed"} and not waits and oracle.claimer(self.now) is None
        return free and case.assignee in (None, who)


TestCaseMachine = CaseMachine.TestCase
TestCaseMachine.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
