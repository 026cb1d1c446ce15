"""What may happen to releases, in which order, and what decides after it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.domain.errors import SetupError
from fraudstream.domain.releases.release_log import (
    NOBODY,
    TRANSITIONS,
    Action,
    Assigned,
    ReleaseEntry,
    ReleaseLog,
    Role,
    State,
    put,
)

NOON = "2026-01-01T12:00:00+00:00"


def entry(number: int, action: Action, share: float | None = None) -> ReleaseEntry:
    """Return an entry of noon."""
    return ReleaseEntry(NOON, "ann@here", number, action, "because", f"{number:064x}", share)


def log_of(*done: tuple[int, Action]) -> ReleaseLog:
    """Return a log of what was done; who takes a role takes it from who has it."""
    log = ReleaseLog("card")
    for number, action in done:
        log = log.with_entries(put(log, entry(number, action, 0.1 if action is Action.CANARY else None)))
    return log


def ready(*numbers: int) -> list[tuple[int, Action]]:
    """Return what makes releases ready."""
    return [(number, action) for number in numbers for action in (Action.DRAFT, Action.CHECK)]


def test_a_release_is_the_champion_until_another_is() -> None:
    """Each line is a revision; the role has that of its last change."""
    log = log_of(*ready(1, 2), (1, Action.ACTIVATE), (2, Action.ACTIVATE))

    assert Assigned(2, f"{2:064x}", 7, NOON, "ann@here") == log.roles()[Role.CHAMPION]
    assert NOBODY == log.roles()[Role.CANARY]
    assert {1: State.CHECKED, 2: State.ACTIVE} == log.states
    assert (7, 1) == (log.revision, log.previous)


def test_rolling_back_makes_the_one_before_the_champion() -> None:
    """And is a revision, too."""
    log = log_of(*ready(1, 2), (1, Action.ACTIVATE), (2, Action.ACTIVATE), (1, Action.ROLL_BACK))

    assert (1, 9) == (log.roles()[Role.CHAMPION].release, log.roles()[Role.CHAMPION].revision)
    assert log.previous is None


def test_a_canary_grows_and_becomes_the_champion() -> None:
    """Then nobody is the canary, since the same revision."""
    log = log_of(*ready(1, 2), (1, Action.ACTIVATE), (2, Action.CANARY))
    grown = log.with_entries([entry(2, Action.CANARY, 0.5)])
    won = grown.with_entries(put(grown, entry(2, Action.ACTIVATE)))

    assert (2, 0.1, 6) == (
        log.roles()[Role.CANARY].release,
        log.roles()[Role.CANARY].share,
        log.roles()[Role.CANARY].revision,
    )
    assert (0.5, 7) == (grown.roles()[Role.CANARY].share, grown.roles()[Role.CANARY].revision)
    assert (2, None) == (won.roles()[Role.CHAMPION].release, won.roles()[Role.CANARY].release)
    assert 9 == won.roles()[Role.CANARY].revision == won.roles()[Role.CHAMPION].revision


def test_a_challenger_stops_when_another_takes_its_place() -> None:
    """There is one at a time."""
    log = log_of(*ready(1, 2), (1, Action.SHADOW), (2, Action.SHADOW))

    assert {1: State.CHECKED, 2: State.SHADOW} == log.states
    assert 2 == log.roles()[Role.CHALLENGER].release


def test_a_draft_is_not_activated() -> None:
    """It was not checked; the sentence says how to do it."""
    with pytest.raises(
        SetupError, match="cannot activate release 1 of event type card: it is DRAFT; check it first"
    ):
        log_of((1, Action.DRAFT), (1, Action.ACTIVATE))


@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from(list(Action))), max_size=40))
def test_whatever_is_tried_the_roles_are_those_of_the_states(tried: list[tuple[int, Action]]) -> None:
    """A dictionary of states is the oracle; each role has one release, and the log is read as it was written."""
    log, states = ReleaseLog("card"), dict[int, State]()
    for number, action in tried:
        try:
            log = log.with_entries(put(log, entry(number, action)))
        except SetupError:
            assert states.get(number) not in TRANSITIONS[action][0]
            continue
        state = TRANSITIONS[action][1]
        if state in (State.ACTIVE, State.CANARY, State.SHADOW):
            states = {each: State.CHECKED if there is state else there for each, there in states.items()}
        states[number] = state

    assert states == log.states
    assert log == ReleaseLog.parsed("card", log.to_bytes(), "releases.jsonl")
    for role, state in (
        (Role.CHAMPION, State.ACTIVE),
        (Role.CANARY, State.CANARY),
        (Role.CHALLENGER, State.SHADOW),
    ):
        assert log.roles()[role].release == next(log.holding(state), None)
