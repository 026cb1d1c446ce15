"""A nightly job that should have run: what the health says, as a timeline."""

from fraudstream.agents.nightly import ELSEWHERE
from fraudstream.domain.problems import Problem
from fraudstream.monitor.watches import NightlyWatch

MIDNIGHT_S = 1_580_774_400.0
HOUR_S = 3600.0
CATCH_UP = "fraudstream aggregate --catch-up"


class Scene:
    """A worker that started at noon, and whose clock starts the job at ten past midnight."""

    def __init__(self, *, loaded: bool = False) -> None:
        self.now_s = MIDNIGHT_S - 12 * HOUR_S
        self.there = False
        self.watch = NightlyWatch("10 0 * * *", lambda: self.there, loaded=loaded, clock=lambda: self.now_s)

    def at(self, hours_after_midnight: float) -> list[Problem]:
        """Move the clock and look."""
        self.now_s = MIDNIGHT_S + hours_after_midnight * HOUR_S
        return list(self.watch())


def test_a_failed_run_is_reported_until_one_succeeds():
    """With the command to run."""
    scene = Scene()
    assert [] == scene.at(0.1)
    scene.at(0.5)
    scene.watch.ended("failed")
    sentence = "the nightly job of 2020-02-04 00:30 UTC failed; see the log"
    assert [Problem("degraded", sentence, CATCH_UP)] == scene.at(0.6)

    scene.watch.ended("done")
    assert [] == scene.at(20)


def test_a_run_that_did_not_publish_is_reported():
    """Half of the cards were missing."""
    scene = Scene()
    scene.at(0.5)
    scene.watch.ended("refused")

    assert "did not publish the weekly aggregates, because they look wrong" in scene.at(0.6)[0].sentence


def test_a_run_that_has_not_ended_two_hours_after_its_time_is_reported():
    """Not started, or still running: either way workers use the aggregates of the day before."""
    scene = Scene(loaded=True)

    assert [] == scene.at(2.1)
    (problem,) = scene.at(2.3)
    assert "the nightly job that was due at 2020-02-04 00:10 UTC has not ended" == problem.sentence
    assert f"{CATCH_UP} && fraudstream store load --catch-up" == problem.remedy


def test_nothing_is_reported_once_the_aggregates_are_there():
    """Somebody ran the command by hand."""
    scene = Scene()
    scene.at(0.5)
    scene.watch.ended("failed")
    scene.there = True

    assert [] == scene.at(12)


def test_a_run_of_another_worker_is_not_reported_as_missing():
    """The worker that has partition 0 reports it."""
    scene = Scene()
    scene.at(0.2)
    scene.watch.ended(ELSEWHERE)

    assert [] == scene.at(12)


def test_runs_before_the_start_are_not_reported_as_missing():
    """A worker that starts in the afternoon cannot know; the age of the aggregates is reported instead."""
    assert [] == Scene().at(-1)
