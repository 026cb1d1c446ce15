"""A worker's follower of releases: what it loads, refuses, hands over and answers, whatever topic, store and release are like."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fraudstream.adapters.releases.store import Releases
from fraudstream.agents.release_loader import ReleaseLoader
from fraudstream.agents.releases import Follower
from fraudstream.domain.releases.control import Control, controls
from fraudstream.domain.releases.plan import Plan
from fraudstream.domain.releases.release_log import Action, Assigned, Role
from tests.agents.release_world import ReleaseWorld
from tests.chaos.workers import until
from tests.releases import CARD


@pytest.fixture
def world(tmp_path: Path) -> Callable[..., ReleaseWorld]:
    """Return what makes a world in this test's directory."""
    return lambda releases=2: ReleaseWorld(tmp_path, releases)


async def test_a_release_is_loaded_handed_over_and_answered(world: Callable[..., ReleaseWorld]) -> None:
    """The answer comes only when every partition has switched."""
    w = world()
    w.switch.may.clear()
    w.do(1, Action.ACTIVATE)

    await w.tell()
    assert [Plan(w.sha256(1))] == w.switch.plans
    assert [] == w.said
    w.switch.may.set()
    await w.settled()

    assert [("champion", 1, 5, "applied")] == w.said
    assert [("card-1", None)] == w.shown
    assert [] == w.sentences


async def test_releases_switch_and_come_back(world: Callable[..., ReleaseWorld]) -> None:
    """1, 2, back to 1; each is a plan of its own."""
    w = world()
    for number, action in ((1, Action.ACTIVATE), (2, Action.ACTIVATE), (1, Action.ROLL_BACK)):
        w.do(number, action)
        await w.tell()

    assert [Plan(w.sha256(number)) for number in (1, 2, 1)] == w.switch.plans
    assert [5, 7, 9] == [revision for _, _, revision, _ in w.said]


async def test_a_topic_that_is_replayed_changes_nothing(world: Callable[..., ReleaseWorld]) -> None:
    """Nor do older revisions that come later."""
    w = world()
    old = controls(w.do(1, Action.ACTIVATE))
    new = controls(w.do(2, Action.ACTIVATE))

    await w.tell(*new)
    await w.tell(*old)
    await w.tell(*new)

    assert [Plan(w.sha256(2))] == w.switch.plans
    assert [("champion", 2, 7, "applied")] == w.said


async def test_a_canary_grows_and_ends(world: Callable[..., ReleaseWorld]) -> None:
    """Its share is part of the plan; loaded once."""
    w = world()
    w.do(1, Action.ACTIVATE)
    for action, share in ((Action.CANARY, 0.05), (Action.CANARY, 0.5), (Action.STOP, None)):
        w.do(2, action, share)
        await w.tell()

    one, two = w.sha256(1), w.sha256(2)
    assert [Plan(one, two, 0.05), Plan(one, two, 0.5), Plan(one)] == w.switch.plans
    assert [("card-1", "card-2"), ("card-1", "card-2"), ("card-1", None)] == w.shown


async def test_a_challenger_decides_beside_until_it_is_stopped(world: Callable[..., ReleaseWorld]) -> None:
    """It is in no plan, and answered at once."""
    w = world()
    w.do(2, Action.SHADOW)
    await w.tell()
    w.do(2, Action.STOP)
    await w.tell()

    assert ["card-2", None] == w.challengers
    assert [("challenger", 2, 5, "applied"), ("challenger", None, 6, "applied")] == w.said
    assert [] == w.switch.plans


@pytest.mark.parametrize(
    ("part", "damage", "why"),
    [
        ("blobs", lambda path: path.unlink(), "artefacts: .* is missing"),
        ("blobs", lambda path: path.write_bytes(b"x"), "artefacts: .* is damaged"),
        ("card/releases", lambda path: path.write_bytes(b"{}"), "document: .* was changed"),
        ("card/releases", lambda path: path.write_bytes(bytes(6_000_000)), "document: .* is larger than"),
    ],
)
async def test_a_bad_release_is_refused_and_the_old_one_stays(
    world: Callable[..., ReleaseWorld], tmp_path: Path, part: str, damage: Callable[[Path], None], why: str
) -> None:
    """Health and the answer say why; once the file is back, it is taken by itself."""
    w = world()
    w.do(1, Action.ACTIVATE)
    await w.tell()
    there = {path: path.read_bytes() for path in (tmp_path / part).iterdir()}
    w.do(2, Action.ACTIVATE)
    for path in there:
        damage(path)

    await w.tell()
    await w.follower.try_again()

    assert [Plan(w.sha256(1))] == w.switch.plans
    assert [("champion", 1, 5, "applied"), ("champion", 2, 7, "refused")] == w.said
    assert ["champion"] == w.refused_roles
    (sentence,) = w.sentences
    assert "this worker refuses release card-2 as champion" in sentence
    assert sentence.endswith("and goes on with card-1")
    assert re.search(why, w.answers[-1].reason)

    for path, content in there.items():
        path.write_bytes(content)
    await w.follower.try_again()
    await w.settled()

    assert Plan(w.sha256(2)) == w.switch.plans[-1]
    assert ("champion", 2, 7, "applied") == w.said[-1]
    assert [] == w.sentences


async def test_a_release_that_was_never_drafted_is_refused(world: Callable[..., ReleaseWorld]) -> None:
    """Somebody wrote to the topic by hand."""
    w = world()

    await w.tell(Control("card", Role.CHAMPION, Assigned(9, "f" * 64, 99, "2026", "eve@there")))

    assert [("champion", 9, 99, "refused")] == w.said
    assert w.answers[0].reason.startswith(f"document: release {'f' * 12} is missing: ")
    assert [] == w.switch.plans
    assert "goes on with this worker's own model and rules" in w.sentences[0]


async def test_a_store_that_is_away_is_asked_again(world: Callable[..., ReleaseWorld]) -> None:
    """That is no refusal."""
    w = world()
    w.do(1, Action.ACTIVATE)
    w.store.away = True
    await w.tell()
    assert [] == w.said
    assert ["release card-1 cannot be loaded: the bucket does not answer"] == w.sentences

    w.store.away = False
    await w.follower.settle()
    await w.settled()

    assert [("champion", 1, 5, "applied")] == w.said
    assert [] == w.sentences


async def test_a_release_that_partitions_need_is_waited_for(
    world: Callable[..., ReleaseWorld], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They cannot be decided otherwise; health says so meanwhile."""
    monkeypatch.setattr("fraudstream.agents.release_loader.AGAIN_S", (0.01,))
    w = world()
    w.store.away = True

    loading = asyncio.create_task(w.follower.needed(w.sha256(1)))
    assert await until(lambda: bool(w.sentences), 30)
    said = w.sentences[0]
    w.store.away = False
    name, detector = await loading

    assert "cannot be loaded, which partitions need: the bucket does not answer" in said
    assert ("card-1", "card-1.0") == (name, detector.model.version)
    assert [] == w.sentences


async def test_records_that_are_none_are_said_and_skipped(world: Callable[..., ReleaseWorld]) -> None:
    """What comes with them counts."""
    w = world()
    (good,) = controls(w.do(1, Action.ACTIVATE))

    await w.follower.take([(b"card/champion", b"{}"), (None, b"\xff"), (good.key, good.value), (b"x", None)])
    await w.settled()

    assert [Plan(w.sha256(1))] == w.switch.plans
    assert "a record of the control topic" in w.sentences[0]

    await w.follower.try_again()
    assert [] == w.sentences


async def test_a_lost_topic_is_noticed_and_written_again(world: Callable[..., ReleaseWorld]) -> None:
    """A worker that was started meanwhile knows nothing until then; at two looks, because telling takes a moment."""
    w = world()
    w.do(1, Action.ACTIVATE)

    await w.follower.compare_with_log()
    assert [] == w.sentences
    await w.follower.compare_with_log()
    assert ["the log of releases says more of champion than the topic releases"] == w.sentences

    await w.tell()
    await w.follower.compare_with_log()
    assert [] == w.sentences
    assert [Plan(w.sha256(1))] == w.switch.plans


async def test_an_answer_that_is_not_published_is_no_reason_not_to_decide(
    world: Callable[..., ReleaseWorld],
) -> None:
    """The next change is answered again."""
    w = world()
    w.broker_away = True
    w.do(1, Action.ACTIVATE)
    await w.tell()
    assert [Plan(w.sha256(1))] == w.switch.plans

    w.broker_away = False
    w.do(2, Action.CANARY, 0.1)
    await w.tell()

    assert [("champion", 1, 5, "applied"), ("canary", 2, 6, "applied")] == w.said


async def test_a_log_that_cannot_be_read_is_said_until_it_can(
    world: Callable[..., ReleaseWorld],
) -> None:
    """Also while records come, which need no log."""
    w = world()
    w.store.away = True
    await w.follower.compare_with_log()
    await w.follower.take([])
    assert ["the log of releases cannot be read: the bucket does not answer"] == w.sentences

    w.store.away = False
    await w.follower.compare_with_log()
    assert [] == w.sentences


async def test_a_plan_that_is_known_before_the_switcher_is_handed_over_then(
    world: Callable[..., ReleaseWorld],
) -> None:
    """A start reads the topic before the agent begins."""
    w = world()
    releases = Releases(w.store, "card", "worker")
    follower = Follower(
        releases, ReleaseLoader(releases, CARD, 1e9, lambda limit: []), "w", w.answer, w, w.challenge
    )
    w.do(1, Action.ACTIVATE)
    await follower.take([(each.key, each.value) for each in controls(w.operator.log())])
    assert [] == w.switch.plans

    follower.attach(w.switch)
    await w.settled()

    assert [Plan(w.sha256(1))] == w.switch.plans
    assert [("champion", 1, 5, "applied")] == w.said


async def test_a_release_of_a_newer_software_is_refused(world: Callable[..., ReleaseWorld]) -> None:
    """A worker of another version in the group goes on with what it understands."""
    w = world()
    release = w.operator.numbered(1)
    newer = replace(release, ruleset={**release.ruleset, "machine_learning_of_2030": True})
    number = w.operator.save(newer, w.operator.files(release), "by a newer fraudstream")
    for action in (Action.CHECK, Action.ACTIVATE):
        w.do(number, action)

    await w.tell()

    assert "refused" == w.answers[0].result
    assert w.answers[0].reason.startswith("rules: ")
