"""When the breaker opens, waits, tries and closes."""

from fraudstream.adapters.weekly.circuit_breaker import (
    CLOSED,
    FAILURES_TO_OPEN,
    HALF_OPEN,
    OPEN,
    OPEN_S,
    CircuitBreaker,
)


class Clock:
    """Time that passes when told to."""

    now_s = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def opened(clock: Clock) -> CircuitBreaker:
    """Return a breaker that has just opened."""
    breaker = CircuitBreaker(clock)
    for _ in range(FAILURES_TO_OPEN):
        breaker.failed()
    return breaker


def test_it_opens_after_failures_in_a_row() -> None:
    """One success in between starts the count anew."""
    breaker = CircuitBreaker(Clock())
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failed()
    breaker.succeeded()
    for _ in range(FAILURES_TO_OPEN - 1):
        breaker.failed()
    assert breaker.state == CLOSED

    breaker.failed()

    assert breaker.state == OPEN


def test_after_a_while_one_trial_passes_and_closes_it() -> None:
    """Only one: a store that has just come back must not be overloaded."""
    clock = Clock()
    breaker = opened(clock)
    assert not breaker.admits_trial()

    clock.now_s = OPEN_S

    assert breaker.state == HALF_OPEN
    assert breaker.admits_trial()
    assert not breaker.admits_trial()
    breaker.succeeded(trial=True)
    assert breaker.state == CLOSED


def test_a_failed_trial_opens_it_for_another_while() -> None:
    """The clock starts again."""
    clock = Clock()
    breaker = opened(clock)
    clock.now_s = OPEN_S
    assert breaker.admits_trial()

    breaker.failed(trial=True)

    assert breaker.state == OPEN
    clock.now_s = 2 * OPEN_S
    assert breaker.admits_trial()


def test_an_answer_to_an_old_question_does_not_close_it() -> None:
    """It was asked before things went wrong."""
    breaker = opened(Clock())

    breaker.succeeded()

    assert breaker.state == OPEN
