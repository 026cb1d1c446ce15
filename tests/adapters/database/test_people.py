"""Who there is, in SQLite and PostgreSQL as they are used."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.people import People
from fraudstream.domain.errors import SetupError
from fraudstream.domain.people import Role

ROUNDS = 10


def test_two_admins_who_disable_each_other_at_once_leave_one(database_url: str) -> None:
    """Whoever is second is refused: there is always somebody who can manage people."""
    people, together = People(opened(database_url)), Barrier(2)
    for name in ("ada", "bob"):
        people.create("test", name, Role.ADMIN)

    def disabled(name: str) -> bool:
        together.wait()
        try:
            people.disable("test", name)
        except SetupError:
            return False
        return True

    with ThreadPoolExecutor(2) as both:
        for _ in range(ROUNDS):
            done = list(both.map(disabled, ("ada", "bob")))
            assert [False, True] == sorted(done)
            for name in ("ada", "bob"):
                people.enable("test", name)


def test_somebody_may_be_added_disabled(database_url: str) -> None:
    """In one step, so that nobody is let in between."""
    people = People(opened(database_url))

    assert "disabled" == people.create("test", "eve", Role.ADMIN, disabled=True).state
    assert "disabled" == people.named("eve").state
