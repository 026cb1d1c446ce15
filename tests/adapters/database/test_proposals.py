"""What one person proposes is done once another has approved it."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import update

from fraudstream.adapters.database import audit
from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.proposals import TAKEN_OVER_MS, Proposal, Proposals, State
from fraudstream.adapters.database.tables import PROPOSALS
from fraudstream.domain.errors import SetupError
from fraudstream.domain.people import Person, Role

ADA, BEN, EVE = (Person(name, name, name, Role.ENGINEER) for name in ("ada", "ben", "eve"))


@pytest.fixture
def proposals(database_url: str) -> Proposals:
    """Return the proposals of an empty database."""
    return Proposals(opened(database_url))


def proposed(proposals: Proposals) -> Proposal:
    """Return what Ada wants."""
    return proposals.propose(ADA, "release", "activate 7", {"release": 7}, "fewer false alarms")


def test_another_person_approves(proposals: Proposals) -> None:
    """And gets what is to be done; all of it is told in the audit trail."""
    proposal = proposed(proposals)
    assert (False, True) == (proposal.may_approve(ADA), proposal.may_approve(BEN))
    with proposals.approving(BEN, proposal.id) as approved:
        assert {"release": 7} == approved.document
        assert [State.APPROVED] == [each.state for each in proposals.open("release")]

    assert [] == proposals.open("release")
    assert [("done", "ada", "ben")] == [
        (each.state, each.proposed_by, each.decided_by) for each in proposals.decided("release")
    ]
    told = [(each.person, each.action) for each in audit.entries(proposals._engine)]
    assert [("ben", "release.done"), ("ben", "release.approve"), ("ada", "release.propose")] == told


def test_nobody_approves_what_they_have_proposed(proposals: Proposals) -> None:
    """But may take it back."""
    proposal = proposed(proposals)
    with pytest.raises(SetupError, match="somebody else"), proposals.approving(ADA, proposal.id):
        pytest.fail("it must not be done")

    assert State.REJECTED == proposals.reject(ADA, proposal.id).state
    with pytest.raises(SetupError, match="rejected already, by ada"), proposals.approving(BEN, proposal.id):
        pytest.fail("it must not be done")


def test_what_could_not_be_done_is_open_again(proposals: Proposals) -> None:
    """With the reason."""
    proposal = proposed(proposals)
    with pytest.raises(SetupError), proposals.approving(BEN, proposal.id):
        raise SetupError("no broker answers")

    assert [(State.OPEN, "no broker answers")] == [
        (each.state, each.problem) for each in proposals.open("release")
    ]


def test_what_was_interrupted_can_be_approved_again_after_a_while(proposals: Proposals) -> None:
    """The console was killed between approval and deed."""
    proposal = proposed(proposals)
    doing = proposals.approving(BEN, proposal.id)
    doing.__enter__()
    with pytest.raises(SetupError, match="approved already, by ben"), proposals.approving(EVE, proposal.id):
        pytest.fail("Ben may be at it")
    with proposals._engine.begin() as connection:
        connection.execute(update(PROPOSALS).values(decided_at=PROPOSALS.c.decided_at - TAKEN_OVER_MS - 1))

    with proposals.approving(EVE, proposal.id) as approved:
        assert "eve" == approved.decided_by


def test_of_several_people_at_once_one_approves(proposals: Proposals) -> None:
    """It is done once."""
    proposal = proposed(proposals)

    def approve(person: Person) -> bool:
        try:
            with proposals.approving(person, proposal.id):
                return True
        except SetupError:
            return False

    people = [Person(name, name, name, Role.LEAD) for name in "bcdefgh"]
    with ThreadPoolExecutor(len(people)) as pool:
        assert 1 == sum(pool.map(approve, people))


def test_the_same_is_not_proposed_twice(proposals: Proposals) -> None:
    """A double click."""
    proposed(proposals)
    with pytest.raises(SetupError, match="ada has proposed that already"):
        proposed(proposals)


def test_of_two_who_propose_the_same_at_once_one_is_told_of_the_other(proposals: Proposals) -> None:
    """And only one proposal is open."""
    together = Barrier(2)

    def wanted(person: Person) -> bool:
        together.wait()
        try:
            proposals.propose(person, "release", "activate 7", {"release": 7}, "")
        except SetupError:
            return False
        return True

    with ThreadPoolExecutor(2) as both:
        for _ in range(10):
            done = list(both.map(wanted, (ADA, BEN)))
            assert [False, True] == sorted(done)
            (only,) = proposals.open("release")
            proposals.reject(EVE, only.id)
