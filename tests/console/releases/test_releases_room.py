"""The room of releases: made, checked, tried, put into use by one or by two, and taken back."""

import re
from pathlib import Path

import pytest

from fraudstream.adapters.database.audit import entries
from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.releases.store import Releases
from fraudstream.console.app import Console
from fraudstream.console.rooms import ROOMS
from fraudstream.domain.releases.release_log import Role
from fraudstream.settings import Settings
from tests.console.visiting import Visitor, visitor
from tests.releases import drafted_in, registry_in


def revision_in(page: str) -> str:
    """Return which log a page was made of."""
    return re.findall(r'name="revision" value="(\d+)"', page)[0]


def act(who: Visitor, number: int, action: str, status: int = 303, **form: object) -> str:
    """Press a button of a release's page; return what the answer says, or where it leads."""
    seen = revision_in(who.get(f"/releases/{number}"))
    answer = who.post(f"/releases/{number}/{action}", status, **{"revision": seen, "why": "a test", **form})
    return answer.headers.get("location") or answer.text


def roles(settings: Settings) -> dict[str, int | None]:
    """Return which release has which role."""
    return {role.value: held.release for role, held in Releases.of(settings).log().roles().items()}


def audited(console: Console) -> list[tuple[str, str, str]]:
    """Return who did what to which release, the oldest first."""
    found = entries(console.engine, action="release.")[::-1]
    return [(each.person, each.action.removeprefix("release."), each.subject) for each in found]


def test_a_release_is_made_of_the_draft_and_checked(console: Console) -> None:
    """Without a broker: nobody is told anything yet."""
    who = visitor(console, "lead")
    made = who.post("/releases/draft", rules="draft", threshold="0.4", note="n", why="first")
    assert "/releases/1" == made.headers["location"]
    page = who.get("/releases/1")
    assert "<dd>0.4</dd>" in page
    assert "Check it" in page
    act(who, 1, "check")

    assert '<span class="badge state-checked">checked</span>' in who.get("/releases")
    assert [("lead", "draft", "card-1"), ("lead", "check", "card-1")] == audited(console)


def test_a_draft_that_cannot_be_made_shows_the_form_again(console: Console) -> None:
    """With what was chosen."""
    who = visitor(console, "lead")

    assert "No model 9.9" in who.post("/releases/draft", 422, model="9.9").text
    assert "a probability between 0 and 1" in who.post("/releases/draft", 422, threshold="2").text
    assert "There are no releases yet" in who.get("/releases")


def test_releases_are_compared_side_by_side(console: Console) -> None:
    """What differs is marked."""
    drafted_in(Path(console.settings.models_place), 1, 2)
    page = visitor(console, "auditor").get("/releases/2/diff?against=1")

    assert "model version" in page
    assert "What now" not in visitor(console, "analyst").get("/releases/2")


@pytest.mark.parametrize("role", ["analyst", "auditor"])
def test_who_may_not_release_sees_and_does_nothing(console: Console, role: str) -> None:
    """Whatever they send."""
    drafted_in(Path(console.settings.models_place), 1)
    who = visitor(console, role)

    for path in (
        "/releases/draft",
        "/releases/1/check",
        "/releases/1/activate",
        "/releases/proposals/x/approve",
    ):
        who.post(path, 403, revision=1)
    assert [] == audited(console)


def test_where_no_broker_answers_nothing_is_changed(console: Console) -> None:
    """The page says so."""
    console.settings.__dict__["broker"] = "localhost:1"
    drafted_in(Path(console.settings.models_place), 1)
    who = visitor(console, "lead")
    act(who, 1, "check")
    said = act(who, 1, "activate", 503)

    assert "localhost:1" in said
    assert None is roles(console.settings)["champion"]
    assert "Workers cannot be asked" in who.get("/releases/workers")


@pytest.fixture
def connected(kafka_settings: Settings, tmp_path: Path) -> Console:
    """Return a console with a broker and two checked releases."""
    for seed in (1, 2):
        registry_in(Path(kafka_settings.models_place), seed)
    console = Console(kafka_settings, opened(f"sqlite:///{tmp_path / 'c.db'}"), ROOMS)
    who = visitor(console, "admin")
    for number, version in ((1, "1.0"), (2, "2.0")):
        who.post("/releases/draft", model=version)
        act(who, number, "check")
    return console


def test_releases_are_tried_activated_and_rolled_back(connected: Console) -> None:
    """Shadow, a canary that grows, active, back; whoever acts on a page that is old does nothing."""
    who, settings = visitor(connected, "lead"), connected.settings
    act(who, 1, "activate")
    act(who, 2, "shadow")
    act(who, 2, "canary", percent="5")
    old = revision_in(who.get("/releases/2"))
    act(who, 2, "canary", percent="20")
    assert {"champion": 1, "canary": 2, "challenger": None} == roles(settings)
    assert 0.2 == Releases.of(settings).log().roles()[Role.CANARY].share
    said = who.post("/releases/2/activate", 400, revision=old).text
    assert "Lead did this since you opened the page: canary card-2" in said
    assert "A canary decides a share" in act(who, 2, "canary", 400, percent="0")
    act(who, 2, "activate")
    assert 2 == roles(settings)["champion"]
    act(who, 2, "rollback")

    assert {"champion": 1, "canary": None, "challenger": None} == roles(settings)
    assert "No worker has answered yet" in who.get("/releases/workers")
    assert ["activate", "shadow", "canary", "canary", "activate", "rollback"] == [
        action for _, action, _ in audited(connected)[4:]
    ]


def test_with_two_people_nobody_puts_a_release_into_use_alone(connected: Console) -> None:
    """One proposes, another approves; stopping needs nobody."""
    connected.settings.__dict__["releases_by_two"] = True
    ada, bob = visitor(connected, "lead", "ada"), visitor(connected, "engineer", "bob")
    assert "/releases?done=proposed" == act(ada, 1, "activate")
    assert "/releases?done=proposed" == act(ada, 2, "canary", percent="5")
    assert {None} == set(roles(connected.settings).values())
    waiting = re.findall(r"/releases/proposals/(\w+)/approve", bob.get("/releases"))
    assert [] == re.findall(r"/releases/proposals/(\w+)/approve", ada.get("/releases"))
    assert "it is your own proposal" in ada.post(f"/releases/proposals/{waiting[0]}/approve", 400).text
    for proposal in waiting:
        bob.post(f"/releases/proposals/{proposal}/approve")
    assert {"champion": 1, "canary": 2, "challenger": None} == roles(connected.settings)
    act(ada, 2, "stop")

    assert None is roles(connected.settings)["canary"]
    assert "by ada and bob" in ada.get("/releases/1")
    done = audited(connected)
    assert ("ada", "propose", "activate card-1") in done
    assert ("bob", "activate", "card-1") in done
    assert ("bob", "done", "canary card-2 5.00%") in done
