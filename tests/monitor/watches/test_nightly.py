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


def test_a_night_that_failed_is_said_until_one_is_done():
    """With what the log cannot say on a page: the command."""
    scene = Scene()
    assert [] == scene.at(0.1)
    scene.at(0.5)
    scene.watch.ended("failed")
    sentence = "the nightly job of 2020-02-04 00:30 UTC failed; see the log"
    assert [Problem("degraded", sentence, CATCH_UP)] == scene.at(0.6)

    scene.watch.ended("done")
    assert [] == scene.at(20)


def test_a_night_that_refused_itself_says_so():
    """Half of the cards were missing."""
    scene = Scene()
    scene.at(0.5)
    scene.watch.ended("refused")

    assert "did not publish the weekly aggregates, because they look wrong" in scene.at(0.6)[0].sentence


def test_a_night_that_never_ended_is_missed_after_its_grace():
    """Not started, or still running: both leave yesterday's weeks."""
    scene = Scene(loaded=True)

    assert [] == scene.at(2.1)
    (problem,) = scene.at(2.3)
    assert "the nightly job that was due at 2020-02-04 00:10 UTC has not ended" == problem.sentence
    assert f"{CATCH_UP} && fraudstream store load --catch-up" == problem.remedy


def test_aggregates_that_are_there_settle_it_whoever_made_them():
    """Somebody ran the command by hand."""
    scene = Scene()
    scene.at(0.5)
    scene.watch.ended("failed")
    scene.there = True

    assert [] == scene.at(12)


def test_another_worker_s_night_is_not_ours_to_miss():
    """It has partition 0 and says how it went."""
    scene = Scene()
    scene.at(0.2)
    scene.watch.ended(ELSEWHERE)

    assert [] == scene.at(12)


def test_nights_before_the_start_are_not_missed():
    """A worker that starts in the afternoon knows nothing of the night; the aggregates' age does."""
    assert [] == Scene().at(-1)
