"""What may happen to a version, in which order, and what a log says of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.domain.errors import SetupError
from fraudstream.domain.registry.version_log import (
    TRANSITIONS,
    Action,
    LogEntry,
    State,
    VersionLog,
    activation,
)
from fraudstream.domain.registry.versions import MINOR_MAX, Version

ONE, UPDATE, TWO = Version(1, 0), Version(1, 1), Version(2, 0)


def entry(version: Version, action: Action, why: str = "because") -> LogEntry:
    """Return an entry of noon."""
    return LogEntry("2026-01-01T12:00:00+00:00", "ann@here", version, action, why)


def log_of(*done: tuple[Version, Action]) -> VersionLog:
    """Return a log of what was done."""
    return VersionLog("card").with_entries(entry(version, action) for version, action in done)


def activated(log: VersionLog, version: Version, action: Action = Action.ACTIVATE) -> VersionLog:
    """Make a version the active one."""
    return log.with_entries(
        activation(log, version, action, "2026-01-01T12:00:00+00:00", "ann@here", "because")
    )


def test_the_next_version_finds_itself() -> None:
    """A new model is the next major version, an update the next minor one; numbers of what failed or is gone are used up."""
    log = log_of(
        (ONE, Action.IMPORT),
        (UPDATE, Action.BEGIN),
        (UPDATE, Action.FAIL),
        (TWO, Action.IMPORT),
        (TWO, Action.DELETE),
    )

    assert ONE == VersionLog("card").next_version()
    assert Version(3, 0) == log.next_version()
    assert Version(1, 2) == log.next_version(1)
    with pytest.raises(
        SetupError, match=r"no model 7\.0 of event type card to update; make one with: fraudstream train"
    ):
        log.next_version(7)


def test_the_hundredth_update_is_refused() -> None:
    """Numbers are those of Amazon Fraud Detector, which ends there."""
    log = log_of((Version(1, MINOR_MAX), Action.IMPORT))

    with pytest.raises(SetupError, match=r"1\.99 is the last update of 1; make a new major version"):
        log.next_version(1)


def test_one_version_is_active_and_the_one_before_comes_back() -> None:
    """1.0, then 2.0; rolled back, 1.0 again, and there is nothing before it."""
    log = activated(activated(log_of((ONE, Action.IMPORT), (TWO, Action.IMPORT)), ONE), TWO)
    back = activated(log, ONE, Action.ROLL_BACK)

    assert (TWO, ONE) == (log.active, log.previous)
    assert {ONE: State.READY, TWO: State.ACTIVE} == log.states
    assert (ONE, None) == (back.active, back.previous)
    assert {ONE: State.ACTIVE, TWO: State.READY} == back.states


def test_a_retired_version_does_not_come_back() -> None:
    """1.0, 1.1, 2.0 were active; 1.1 is retired, so a rollback goes to 1.0."""
    log = log_of((ONE, Action.IMPORT), (UPDATE, Action.IMPORT), (TWO, Action.IMPORT))
    for version in (ONE, UPDATE, TWO):
        log = activated(log, version)
    log = log.with_entries([entry(UPDATE, Action.RETIRE)])

    assert ONE == log.previous
    with pytest.raises(SetupError, match="it is RETIRED; export and import it"):
        activated(log, UPDATE)


@pytest.mark.parametrize("action", [Action.DELETE, Action.RETIRE])
def test_the_active_version_stays(action: Action) -> None:
    """Workers load it."""
    log = activated(log_of((ONE, Action.IMPORT)), ONE)

    with pytest.raises(SetupError, match="it is ACTIVE; activate another version first"):
        log.with_entries([entry(ONE, action)])


@given(st.lists(st.tuples(st.sampled_from([ONE, UPDATE, TWO]), st.sampled_from(list(Action))), max_size=40))
def test_whatever_is_tried_a_version_is_in_the_state_its_last_action_led_to(
    tried: list[tuple[Version, Action]],
) -> None:
    """A dictionary of states is the oracle; what it does not allow is refused and changes nothing."""
    log, states = VersionLog("card"), dict[Version, State]()
    for version, action in tried:
        before, leads_to = TRANSITIONS[action]
        if states.get(version) in before:
            log = log.with_entries([entry(version, action)])
            states[version] = leads_to
        else:
            with pytest.raises(SetupError):
                log.with_entries([entry(version, action)])

    assert states == log.states
    assert log == VersionLog.parsed("card", log.to_bytes(), "log.jsonl")


def test_a_damaged_log_is_refused_with_its_line() -> None:
    """Also one whose entries cannot have happened in this order."""
    good = log_of((ONE, Action.IMPORT)).to_bytes()
    for damaged, said in (
        (good + b"{}\n", "log.jsonl, line 2: not a log of model versions"),
        (good + good, "cannot import model 1.0 of event type card: it is READY"),
    ):
        with pytest.raises(SetupError) as refused:
            VersionLog.parsed("card", damaged, "log.jsonl")
        assert said in str(refused.value)
        assert "restore the file from a backup" in str(refused.value)
