"""Receivers and what waits for them, in SQLite and PostgreSQL as they are used."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine

from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.webhooks import Delivery, Webhooks, now_ms
from fraudstream.domain.errors import SetupError

KEY = bytes(32)


@pytest.fixture
def engine(database_url: str) -> Engine:
    """Return a new database."""
    return opened(database_url)


def events(*names: str) -> list[Delivery]:
    """Return events that came now."""
    return [Delivery(name, "{}", now_ms()) for name in names]


def test_an_event_waits_until_it_has_arrived_or_is_given_up(engine: Engine) -> None:
    """One that is taken twice waits once; what was given up is sent again on request."""
    store = Webhooks(engine)
    hook = store.add("https://example.org/", ["alerts"], KEY).id
    store.take(hook, events("e-1", "e-2"), {("alerts", 0): 2})
    store.take(hook, events("e-2", "e-3"), {("alerts", 0): 3, ("alerts", 1): 1})
    due = {each.event_id: each for each in store.due(hook, 10)}

    assert {"e-1", "e-2", "e-3"} == due.keys()
    assert {("alerts", 0): 3, ("alerts", 1): 1} == store.positions(hook)

    later = replace(due["e-2"], attempts=1, next_at=now_ms() + 60_000, problem="no")
    given_up = replace(due["e-3"], attempts=9, failed_at=now_ms(), problem="never")
    store.settle(hook, ["e-1"], [later, given_up], "never")
    listed = store.find(hook)

    assert (1, "never", 1) == (listed.delivered, listed.problem, store.waiting(hook))
    assert [] == store.due(hook, 10)
    assert ([(hook, given_up)], 1) == (store.failed(), store.given_up(hook))
    assert (0, 1) == (store.resend(hook, "e-2"), store.resend(hook))
    assert [("e-3", 0)] == [(each.event_id, each.attempts) for each in store.due(hook, 10)]

    store.remove(hook)
    with pytest.raises(SetupError, match="there is no webhook"):
        store.find(hook)


def test_a_receiver_has_one_sender_until_that_has_died(engine: Engine) -> None:
    """Or has ended in order."""
    store = Webhooks(engine)
    hook = store.add("https://example.org/", ["alerts"], KEY).id
    until = now_ms() + 60_000

    assert [hook] == [each.id for each in store.leased("one", until)]
    assert [] == store.leased("two", until)
    assert [hook] == [each.id for each in store.leased("one", 0)]
    assert [hook] == [each.id for each in store.leased("two", until)]
    store.release("two")
    assert [hook] == [each.id for each in store.leased("one", until)]


def test_another_key_does_not_sign(engine: Engine) -> None:
    """A receiver would refuse everything; so it is said before anything is sent."""
    hook = Webhooks(engine).add("https://example.org/", ["alerts"], KEY)

    assert hook.secret(KEY).startswith("whsec_")
    with pytest.raises(SetupError, match="another key"):
        hook.secret(b"x" * 32)
