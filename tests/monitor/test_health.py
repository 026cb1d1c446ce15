"""When a backlog counts as a stall."""

from fraudstream.domain.problems import Problem
from fraudstream.monitor.health import Health, PartitionState, StallWatch

T0 = 1000.0


def at(position: int | None, lag: int | None) -> Health:
    """A recovered worker with one partition."""
    return Health(True, (PartitionState("transactions", 0, position, lag),))


def test_waiting_at_the_same_position_for_long_enough_is_a_stall():
    """One second less is not."""
    watch = StallWatch(30.0)

    assert watch.judge(at(5, 3), T0).ok
    assert watch.judge(at(5, 900), T0 + 29).ok
    assert "stalled" == watch.judge(at(5, 900), T0 + 30).status
    assert watch.judge(at(6, 899), T0 + 31).ok


def test_a_partition_that_moves_is_not_stalled_however_far_behind():
    """A backlog has an alert of its own."""
    watch = StallWatch(30.0)

    assert all(watch.judge(at(position, 1_000_000), T0 + 100 * position).ok for position in range(5))


def test_a_partition_that_was_idle_and_gets_a_record_has_its_time():
    """The clock starts when it is first seen to wait, even an hour after the last look."""
    watch = StallWatch(30.0)

    assert watch.judge(at(5, 0), T0).ok
    assert watch.judge(at(5, 1), T0 + 3600).ok
    assert not watch.judge(at(5, 1), T0 + 3631).ok


def test_a_partition_that_was_taken_away_is_forgotten():
    """When it comes back its clock starts anew."""
    watch = StallWatch(30.0)
    watch.judge(at(5, 1), T0)
    watch.judge(Health(True), T0 + 10)

    assert watch.judge(at(5, 1), T0 + 40).ok


def test_a_worker_that_recovers_is_not_ready():
    """Whatever else is wrong."""
    report = StallWatch(30.0).judge(
        Health(False, problems=(Problem("failing", "the broker does not answer"),)), T0
    )

    assert "recovering" == report.status
    sentences = ["the state is still being restored", "the broker does not answer"]
    assert sentences == [problem.sentence for problem in report.problems]


def test_a_problem_the_worker_names_makes_it_fail():
    """Such as a broker that does not answer while nothing seems to wait."""
    no_broker = Problem("failing", "no broker")

    assert "failing" == StallWatch(30.0).judge(Health(True, problems=(no_broker,)), T0).status


def test_a_degraded_worker_answers_200():
    """It decides, with something missing, and a restart would not help."""
    report = StallWatch(30.0).judge(Health(True, problems=(Problem("degraded", "no weeks"),)), T0)

    assert ("degraded", True) == (report.status, report.ok)


def test_what_is_not_known_yet_is_not_a_stall():
    """Right after an assignment neither position nor lag is known."""
    watch = StallWatch(30.0)

    assert all(watch.judge(at(None, None), T0 + second).ok for second in (0, 100))
