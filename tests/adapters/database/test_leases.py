"""Of several processes one at a time holds a lease."""

from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.leases import Leases


def test_one_holds_a_lease_until_it_stops_renewing_it(database_url: str) -> None:
    """At 0 one takes it for 10 ms, renews it at 8, and says nothing more; another gets it after 18."""
    now = [0]
    one, other = (Leases(opened(database_url), holder, lambda: now[0]) for holder in ("one", "other"))
    assert one.take("guard", 10)
    assert not other.take("guard", 10)
    now[0] = 8
    assert one.take("guard", 10)
    now[0] = 18
    assert not other.take("guard", 10)
    now[0] = 19
    assert other.take("guard", 10)
    assert not one.take("guard", 10)
    assert one.take("another", 10)


def test_a_lease_that_is_given_back_is_free_at_once(database_url: str) -> None:
    """Giving back what another holds does nothing."""
    engine = opened(database_url)
    one, other = Leases(engine, "one"), Leases(engine, "other")
    assert one.take("guard", 60_000)
    other.give_back("guard")
    assert not other.take("guard", 60_000)
    one.give_back("guard")

    assert other.take("guard", 60_000)
