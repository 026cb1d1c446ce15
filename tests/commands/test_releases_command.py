"""`fraudstream releases`: what people see of releases and do with them, without and with a broker."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fraudstream import topics
from fraudstream.adapters.database.audit import entries
from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.kafka.tail import Record, following
from fraudstream.adapters.releases.store import Releases
from fraudstream.commands.releases import releases
from fraudstream.domain.errors import BrokerUnavailable, SetupError
from fraudstream.domain.releases.control import Control
from fraudstream.domain.releases.release_log import Action, Role, State, put
from fraudstream.settings import Settings
from tests.commands.running import environment
from tests.releases import registry_in

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs `fraudstream releases` in a directory of this test, where no broker answers."""
    monkeypatch.setenv("FRAUDSTREAM_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("FRAUDSTREAM_BROKER", "localhost:1")
    return lambda *words: CliRunner().invoke(releases, list(words), catch_exceptions=False)


@pytest.fixture
def connected(kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs it with a broker; two releases are checked."""
    for name, value in environment(kafka_settings).items():
        if os.environ.get(name) != value:
            monkeypatch.setenv(name, value)

    def run(*words: str) -> Result:
        return CliRunner().invoke(releases, list(words), catch_exceptions=False)

    for seed in (1, 2):
        registry_in(Path(kafka_settings.models_place), seed)
        run("draft")
        run("check", str(seed))
    return run


def told(settings: Settings) -> dict[str, tuple[int | None, int]]:
    """Return what the control topic says: role -> release and revision, the last record of each key."""

    async def read() -> list[Record]:
        topic = settings.topic(topics.RELEASES.name)
        async with following(Kafka.of(settings), topic, settings.partitions) as tail:
            return await tail.newest(1000)

    records = asyncio.run(read())
    found = {}
    for record in records:
        control = Control.parsed(record.key, record.value)
        assert control is not None
        found[control.role.value] = control.assigned.release, control.assigned.revision
    return found


def test_a_release_is_drafted_checked_and_shown(run: Run, tmp_path: Path) -> None:
    """Without a broker: it tells nobody, and its dry run takes a made-up payment."""
    registry_in(tmp_path / "models", 1)

    drafted = json.loads(run("draft", "--note", "the first", "--threshold", "0.4", "--json").stdout)
    checked = json.loads(run("check", "1", "--json").stdout)
    shown = json.loads(run("show", "1", "--json").stdout)
    said = run("show", "1").stdout

    assert (1, "1.0", 0.4) == (drafted["release"], drafted["model"], drafted["fraud_threshold"])
    assert "CHECKED" == checked["state"]
    assert {"document", "artefacts", "golden predictions", "rules", "dry run"} < checked["checks"].keys()
    assert drafted["sha256"] == shown["sha256"]
    assert ["draft", "check"] == [each["action"] for each in shown["history"]]
    assert "card-1: CHECKED" in said
    assert "note       the first" in said
    assert [(1, "CHECKED")] == [
        (each["release"], each["state"]) for each in json.loads(run("list", "--json").stdout)
    ]


def test_without_releases_the_list_says_what_to_run(run: Run) -> None:
    """An empty list is no error."""
    assert "no releases of event type card yet; draft one with" in run("list").stdout
    assert [] == json.loads(run("list", "--json").stdout)


def test_releases_are_compared(run: Run, tmp_path: Path) -> None:
    """Exit code 1 says that something differs."""
    registry_in(tmp_path / "models", 1)
    run("draft")
    run("draft", "--threshold", "0.5")

    differing = run("diff", "1", "2", "--json")

    assert 1 == differing.exit_code
    assert [{"what": "fraud threshold", "before": 0.25, "after": 0.5}] == json.loads(differing.stdout)
    assert (0, "nothing differs\n") == (run("diff", "1", "1").exit_code, run("diff", "1", "1").stdout)


def test_a_release_that_was_damaged_is_not_checked(run: Run, tmp_path: Path) -> None:
    """It stays a draft; the sentence names check and file."""
    registry_in(tmp_path / "models", 1)
    run("draft")
    blob = max((tmp_path / "models" / "blobs").iterdir(), key=lambda path: path.stat().st_size)
    blob.unlink()

    with pytest.raises(SetupError, match=f"artefacts: model.ubj of release card-1 is missing: .*{blob.name}"):
        run("check", "1")
    assert {1: State.DRAFT} == Releases.at(tmp_path / "models", "card").log().states


def test_nothing_is_changed_where_no_broker_answers(run: Run, tmp_path: Path) -> None:
    """Workers could not be told."""
    registry_in(tmp_path / "models", 1)
    run("draft")
    run("check", "1")

    with pytest.raises(BrokerUnavailable):
        run("activate", "1")
    assert {1: State.CHECKED} == Releases.at(tmp_path / "models", "card").log().states


def test_a_retired_release_is_not_activated(run: Run, tmp_path: Path) -> None:
    """Its files stay, so it can be shown."""
    registry_in(tmp_path / "models", 1)
    run("draft")

    assert "RETIRED" == json.loads(run("retire", "1", "--json").stdout)["state"]
    assert "card-1: RETIRED" in run("show", "1").stdout


@pytest.mark.kafka
def test_workers_are_told_who_decides(connected: Run, kafka_settings: Settings) -> None:
    """Each change is a revision of the log, which the topic's records have."""
    first = json.loads(connected("activate", "1", "--json").stdout)
    second = json.loads(connected("activate", "2", "--json").stdout)
    back = json.loads(connected("rollback", "--why", "worse", "--json").stdout)

    assert {"champion": 1, "previous": None, "revision": 5} == first
    assert {"champion": 2, "previous": 1, "revision": 7} == second
    assert {"champion": 1, "previous": None, "revision": 9} == back
    assert {"champion": (1, 9)} == told(kafka_settings)
    with pytest.raises(SetupError, match="was active before 1"):
        connected("rollback")


@pytest.mark.kafka
def test_what_a_killed_command_did_not_tell_is_told_later(connected: Run, kafka_settings: Settings) -> None:
    """The log has the change; `publish`, or the next change, tells it."""
    store = Releases.of(kafka_settings)
    connected("activate", "1")
    store.append(lambda log: put(log, store.entry(log, 2, Action.ACTIVATE, "killed after this")))
    assert {"champion": (1, 5)} == told(kafka_settings)

    published = json.loads(connected("publish", "--json").stdout)

    assert {"revision": 7, "champion": 2, "canary": None, "challenger": None} == published
    assert {"champion": (2, 7)} == told(kafka_settings)


@pytest.mark.kafka
def test_activating_twice_changes_nothing(connected: Run, kafka_settings: Settings) -> None:
    """Of two operators who want the same, one is first."""
    connected("activate", "1")

    assert 5 == json.loads(connected("activate", "1", "--json").stdout)["revision"]
    assert 5 == Releases.of(kafka_settings).log().roles()[Role.CHAMPION].revision


@pytest.mark.kafka
def test_before_any_worker_answers_there_is_nobody(connected: Run) -> None:
    """It is no error."""
    assert "no worker has answered yet" in connected("workers").stdout
    assert [] == json.loads(connected("workers", "--json").stdout)


@pytest.mark.parametrize("words", [("activate", "2"), ("canary", "2", "--share", "0.1")])
def test_where_two_people_release_a_command_refuses_unless_somebody_says_why_they_are_alone(
    connected: Run, kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """The reason is in the history of the release and in the audit trail."""
    connected("activate", "1")
    before = Releases.at(kafka_settings.models_place, "card").log()
    monkeypatch.setenv("FRAUDSTREAM_RELEASES_BY_TWO", "true")
    with pytest.raises(
        SetupError, match=r"propose .* of card-2 in the console, where somebody else approves"
    ):
        connected(*words, "--alone", "hurry")
    refused = Releases.at(kafka_settings.models_place, "card").log()
    assert 0 == connected(*words, "--why", "attack", "--alone", "everybody is asleep").exit_code
    log = Releases.at(kafka_settings.models_place, "card").log()
    (audited,) = entries(opened(kafka_settings.database_url))

    assert before.revision == refused.revision
    assert "attack; alone: everybody is asleep" == log.of(2)[-1].why
    assert (f"release.{words[0]} alone", "card-2") == (audited.action, audited.subject)
    assert {"alone": "everybody is asleep", "why": "attack"} == json.loads(audited.details)


def test_where_two_people_release_nobody_has_to_approve_what_takes_one_back(
    connected: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor what changes nothing: what is active is made active by a program that was late."""
    connected("activate", "1")
    connected("activate", "2")
    monkeypatch.setenv("FRAUDSTREAM_RELEASES_BY_TWO", "true")

    for words in (("activate", "2"), ("shadow", "1"), ("stop", "1"), ("rollback",)):
        assert 0 == connected(*words).exit_code
