"""Releases in a directory: drafted, found again, loaded with every check; and whatever is missing or damaged."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.releases.drafting import draft
from fraudstream.adapters.releases.loading import Check, ReleaseRefused, load
from fraudstream.adapters.releases.store import Releases
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import Variable
from fraudstream.domain.registry.versions import Version
from fraudstream.domain.releases.dry_run import DryRun, events_of
from fraudstream.domain.releases.golden import Golden
from fraudstream.domain.releases.release_log import Action, State, put
from fraudstream.domain.rules import Rule, Ruleset
from tests.releases import CARD, drafted_in, registry_in

DRY_RUN = DryRun(
    events_of(
        [{"amount": 12.5, "features": {"num_trans_last_10m": 3, "seconds_since_previous": 601.0}}], CARD
    ),
    1e9,
    lambda: 0.0,
)


def opened(models_dir: Path) -> Releases:
    """Open the releases of cards."""
    return Releases.at(models_dir, "card")


def test_a_draft_is_loaded_and_decides(tmp_path: Path) -> None:
    """Every check says what it found, in order."""
    (drafted,) = drafted_in(tmp_path, 1, note="the first")
    passed: list[Check] = []

    loaded = load(opened(tmp_path), drafted.release.sha256, CARD, DRY_RUN, passed.append)

    assert drafted.release == loaded.release
    assert ("card-1.0", CARD.ruleset.version) == (
        loaded.detector.model.version,
        loaded.detector.ruleset.version,
    )
    assert [
        "document",
        "event type",
        "artefacts",
        "model",
        "features",
        "golden predictions",
        "rules",
        "dry run",
    ] == [each.what for each in passed]
    assert "1 events in 0.0 ms, 0 alerts" == passed[-1].found


def test_the_same_content_has_the_number_it_has(tmp_path: Path) -> None:
    """Two operators who draft the same get one release; another threshold is another release."""
    registry = registry_in(tmp_path, 1)
    numbers = [
        draft(opened(tmp_path), registry, CARD, fraud_threshold=threshold).number
        for threshold in (0.3, 0.3, 0.4)
    ]

    assert [1, 1, 2] == numbers
    assert {1: State.DRAFT, 2: State.DRAFT} == opened(tmp_path).log().states


def test_a_release_outlives_its_model_version(tmp_path: Path) -> None:
    """Its files were copied."""
    first, _ = drafted_in(tmp_path, 1, 2)
    Registry.at(tmp_path, "card").delete(Version(1, 0), "old")

    assert "card-1.0" == load(opened(tmp_path), first.release.sha256, CARD).detector.model.version


def test_rules_and_threshold_are_the_releases_own(tmp_path: Path) -> None:
    """Those of the event type's file may change."""
    rules = Ruleset((Rule("large", "amount > 10", "block"),))
    (drafted,) = drafted_in(tmp_path, 1, ruleset=rules, fraud_threshold=0.7)

    detector = load(opened(tmp_path), drafted.release.sha256, CARD).detector

    assert (0.7, rules.version) == (detector.fraud_threshold, detector.ruleset.version)
    assert "block" == detector.decide(DRY_RUN.events)["outcome"].item()


@pytest.mark.parametrize(
    ("name", "check", "said"),
    [
        ("card/releases/", "document", r"release card-1 was changed \(checksum differs\)"),
        ("blobs/", "artefacts", r"of release card-1 is damaged \(checksum differs\)"),
    ],
)
def test_what_is_damaged_is_refused(tmp_path: Path, name: str, check: str, said: str) -> None:
    """One byte is enough; the sentence names the file."""
    (drafted,) = drafted_in(tmp_path, 1)
    for path in (tmp_path / name).iterdir():
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)

    with pytest.raises(ReleaseRefused, match=said) as refused:
        load(opened(tmp_path), drafted.release.sha256, CARD)
    assert check == refused.value.check


@pytest.mark.parametrize(("name", "check"), [("card/releases/", "document"), ("blobs/", "artefacts")])
def test_what_is_missing_is_refused(tmp_path: Path, name: str, check: str) -> None:
    """With where it should be."""
    (drafted,) = drafted_in(tmp_path, 1)
    for path in (tmp_path / name).iterdir():
        path.unlink()

    with pytest.raises(ReleaseRefused, match=f"is missing: {tmp_path}") as refused:
        load(opened(tmp_path), drafted.release.sha256, CARD)
    assert check == refused.value.check


def test_a_damaged_blob_is_mended_by_drafting_again(tmp_path: Path) -> None:
    """The same content comes to the same place."""
    (drafted,) = drafted_in(tmp_path, 1)
    for path in (tmp_path / "blobs").iterdir():
        path.write_bytes(b"damaged")

    draft(opened(tmp_path), Registry.at(tmp_path, "card"), CARD)

    load(opened(tmp_path), drafted.release.sha256, CARD)


def test_a_release_of_another_event_type_is_refused(tmp_path: Path) -> None:
    """By its name, and by what the event type declared when it was made."""
    (drafted,) = drafted_in(tmp_path, 1)
    changed = replace(CARD, variables=(*CARD.variables, Variable("shade")))

    with pytest.raises(ReleaseRefused, match="it is for events of the type card, not payout"):
        load(opened(tmp_path), drafted.release.sha256, replace(CARD, name="payout"))
    with pytest.raises(ReleaseRefused, match="declared another variables; draft the release again"):
        load(opened(tmp_path), drafted.release.sha256, changed)


def test_other_golden_predictions_are_refused(tmp_path: Path) -> None:
    """As where another version of XGBoost computes otherwise."""
    (drafted,) = drafted_in(tmp_path, 1)
    golden = drafted.release.golden
    other = Golden(golden.rows, (0.123, *golden.probabilities[1:]), None)
    releases = opened(tmp_path)
    changed = replace(drafted.release, golden=other)
    releases.save(changed, releases.files(drafted.release), "for a test")

    with pytest.raises(ReleaseRefused, match="gives row 0 of the golden predictions") as refused:
        load(releases, changed.sha256, CARD)
    assert "golden predictions" == refused.value.check


def test_rules_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """A column that no decision has."""
    (drafted,) = drafted_in(tmp_path, 1)
    releases = opened(tmp_path)
    rules = Ruleset((Rule("odd", "phase_of_the_moon > 1", "block"),))
    changed = replace(drafted.release, ruleset=rules.described())
    releases.save(changed, releases.files(drafted.release), "for a test")

    with pytest.raises(ReleaseRefused, match="phase_of_the_moon") as refused:
        load(releases, changed.sha256, CARD)
    assert "rules" == refused.value.check


def test_a_release_that_decides_too_slowly_is_refused(tmp_path: Path) -> None:
    """By the clock of the test, a second passes at each look."""
    (drafted,) = drafted_in(tmp_path, 1)
    seconds = iter(range(100))
    slow = DRY_RUN._replace(budget_ms=999, clock=lambda: float(next(seconds)))

    with pytest.raises(ReleaseRefused, match="deciding 1 events took 1000 ms, and may take 999"):
        load(opened(tmp_path), drafted.release.sha256, CARD, slow)


def test_of_two_operators_at_once_both_are_in_the_log(tmp_path: Path) -> None:
    """Each draft has a number of its own."""
    registry = registry_in(tmp_path, 1)
    drafting = [
        threading.Thread(
            target=draft, args=(opened(tmp_path), registry, CARD), kwargs={"note": f"operator {number}"}
        )
        for number in range(4)
    ]
    for each in drafting:
        each.start()
    for each in drafting:
        each.join()

    assert [1, 2, 3, 4] == list(opened(tmp_path).log().states)


def test_two_operators_who_activate_at_once_come_one_after_the_other(tmp_path: Path) -> None:
    """Whoever is second replaces the first; one release is active, and each revision is told in its order."""
    drafted_in(tmp_path, 1, 2, 3)
    store = opened(tmp_path)
    for number in (1, 2, 3):
        store.append(lambda log, number=number: [store.entry(log, number, Action.CHECK, "")])  # type: ignore[misc]

    def activate(number: int) -> None:
        own = opened(tmp_path)
        own.append(lambda log: put(log, own.entry(log, number, Action.ACTIVATE, "mine")))

    operators = [threading.Thread(target=activate, args=(number,)) for number in (1, 2, 3)]
    for each in operators:
        each.start()
    for each in operators:
        each.join()

    log = opened(tmp_path).log()
    assert 1 == list(log.states.values()).count(State.ACTIVE)
    assert log.entries[-1].release == log.active
    assert 3 == sum(entry.action is Action.ACTIVATE for entry in log.entries)


def test_an_unknown_number_is_said(tmp_path: Path) -> None:
    """With the nearest one that is there, or what to run."""
    with pytest.raises(SetupError, match=r"no release 1 of event type card in .*; draft one with"):
        opened(tmp_path).numbered(1)
    releases = opened(tmp_path)
    drafted_in(tmp_path, 1)
    with pytest.raises(SetupError, match=r"no release 11 .*did you mean 1"):
        releases.entry(releases.log(), 11, Action.CHECK, "why")
