"""Weekly aggregates that are missing, old, or do not come: what the health says, as a timeline."""

from collections.abc import Collection, Mapping

import numpy as np
import pytest

from fraudstream.adapters.weekly.guard import GuardedWeekly
from fraudstream.domain.errors import WeeklyUnavailable
from fraudstream.domain.problems import Problem
from fraudstream.domain.times import DAY_MS
from fraudstream.domain.weekly import Week, WeeklyAnswer
from fraudstream.metrics import BatchReport
from fraudstream.monitor.timeline import Timeline
from fraudstream.monitor.watches import WeeklyWatch
from tests.fakes import MemoryWeekly

TUESDAY_S = 1_580_774_400
MONDAY_MS, TUESDAY_MS = TUESDAY_S * 1000 - DAY_MS, TUESDAY_S * 1000
NOON_S = TUESDAY_S + 43_200
NIGHT: Mapping[str, Week] = {"card": Week(2, 10.0)}


class Down(MemoryWeekly):
    """A store that does not answer."""

    async def get_many(self, entities: Collection[str], midnight_ms: int) -> WeeklyAnswer:
        """Refuse."""
        raise WeeklyUnavailable("connection refused")


class Scene:
    """A watch, its store's midnights and a clock."""

    def __init__(self, *midnights_ms: int, at_s: float = NOON_S, loaded: bool = False) -> None:
        self.now_s = at_s
        self.timeline = Timeline()
        self.store = MemoryWeekly(dict.fromkeys(midnights_ms, NIGHT))
        self.watch = WeeklyWatch(self.store, self.timeline, loaded=loaded, clock=lambda: self.now_s)

    def decided(self, payments: int, **degraded: int) -> None:
        """Payments were decided a moment ago, some of them with something missing."""
        reasons = {f"weekly-{why}": count for why, count in degraded.items()}
        latency = np.ones(payments)
        self.timeline.batch(
            BatchReport(payments, {"approve": payments}, latency, self.now_s - 5, degraded=reasons)
        )

    async def problems(self) -> list[Problem]:
        """Look, and return what is wrong."""
        await self.watch.look()
        return list(self.watch())


async def test_payments_without_weekly_aggregates_are_reported_with_share_day_and_command():
    """The newest aggregates are of another year, as after following the recipe without `--end today`."""
    scene = Scene(MONDAY_MS - 20 * DAY_MS)
    scene.decided(40, missing=40)

    sentence = "100 % of the last minute's decisions were made without weekly aggregates (newest: 2020-01-14)"
    assert [Problem("degraded", sentence, "fraudstream aggregate")] == await scene.problems()


async def test_a_share_of_them_is_reported_unless_it_is_very_small():
    """One in two hundred is not reported."""
    half, trifle = Scene(TUESDAY_MS), Scene(TUESDAY_MS)
    half.decided(40, missing=20)
    trifle.decided(200, missing=1)

    assert (await half.problems())[0].sentence.startswith("50 % of the last minute's decisions")
    assert [] == await trifle.problems()


async def test_the_problem_is_gone_a_minute_after_the_aggregates_have_come():
    """Payments find their week again."""
    scene = Scene(TUESDAY_MS)
    scene.decided(10, missing=10)
    assert await scene.problems()

    scene.now_s += 61
    assert [] == await scene.problems()


async def test_a_store_that_is_loaded_has_two_commands():
    """What was computed is not yet where workers look."""
    scene = Scene(loaded=True)
    scene.decided(1, missing=1)

    (problem,) = await scene.problems()
    assert "fraudstream aggregate && fraudstream store load" == problem.remedy
    assert problem.sentence.endswith("(newest: none)")


@pytest.mark.parametrize(("hour", "said"), [(1, False), (3, True)])
async def test_aggregates_of_the_day_before_are_enough_for_two_hours_of_the_night(hour: int, said: bool):
    """Then the nightly job is late, whether there are payments or not."""
    scene = Scene(MONDAY_MS, at_s=TUESDAY_S + 3600 * hour)
    scene.decided(10, stale=10)

    expected = "the newest weekly aggregates are those of 2020-02-03; those of 2020-02-04 are missing"
    assert ([expected] if said else []) == [problem.sentence for problem in await scene.problems()]


async def test_no_aggregates_at_all_are_said_before_the_first_payment():
    """A fresh installation is told what to run."""
    (problem,) = await Scene().problems()

    assert ("there are no weekly aggregates", "fraudstream aggregate") == (problem.sentence, problem.remedy)


async def test_old_payments_with_old_aggregates_are_no_problem():
    """A replay of January finds January's weeks."""
    scene = Scene(MONDAY_MS - 20 * DAY_MS)
    scene.decided(10)

    assert [] == await scene.problems()


async def test_there_is_no_problem_before_the_first_check():
    """A start must not look like a failure."""
    assert [] == list(Scene().watch())


async def test_a_store_that_does_not_answer_is_said_with_its_reason():
    """The circuit breaker is open, and payments are decided without."""
    timeline = Timeline()
    guard = GuardedWeekly(Down({}), deadline_s=0.5, cache_cards=0)
    for _ in range(5):
        await guard.get_many(["card"], TUESDAY_MS)
    scene = Scene(TUESDAY_MS)
    scene.decided(10, unavailable=9, timeout=1)
    watch = WeeklyWatch(guard, scene.timeline, clock=lambda: scene.now_s)
    sentences = [problem.sentence for problem in watch()]

    assert (
        "the weekly store does not answer and is skipped for the moment: connection refused" == sentences[0]
    )
    assert sentences[1].startswith("100 % of the last minute's decisions")
    assert {"fraudstream store check"} == {problem.remedy for problem in watch()}
    assert [] == list(WeeklyWatch(GuardedWeekly(MemoryWeekly({}), 0.5, 0), timeline)())
