"""`fraudstream rules`, as somebody uses it who writes rules."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.models.directory import DirectoryStore
from fraudstream.adapters.rules.draft import RulesetDraft
from fraudstream.commands.rules import rules
from fraudstream.domain.errors import SetupError
from fraudstream.domain.rules import Rule, Ruleset

CARD = event_type_named("card")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what runs `fraudstream rules` with models in a directory of its own."""
    monkeypatch.setenv("FRAUDSTREAM_MODELS", str(tmp_path / "models"))

    def invoke(*arguments: str, code: int = 0) -> Any:
        done = CliRunner().invoke(rules, [*arguments, "--json"], catch_exceptions=False)
        assert code == done.exit_code, done.output
        return json.loads(done.stdout)

    return invoke


def test_the_draft_begins_as_the_event_types_rules(run: Any) -> None:
    """And their version."""
    listed = run("list")

    assert ["very-likely-fraud", "likely-fraud"] == [rule["name"] for rule in listed["rules"]]
    assert (CARD.ruleset.version, None) == (listed["version"], listed["last_change"])


def test_a_rule_is_added_changed_paused_resumed_and_removed(run: Any) -> None:
    """Each change says who made it."""
    run(
        "add",
        "large",
        "--when",
        "amount > 500",
        "--outcome",
        "review",
        "--tag",
        "new",
        "--expires-at",
        "2027-01-01T00:00:00+01:00",
    )
    run("edit", "large", "--when", "amount > 900", "--priority", "5", "--pass-share", "0.1")
    paused = run("pause", "large")["rule"]

    expected = {
        "name": "large", "when": "amount > 900", "outcome": "review", "priority": 5, "tags": ["new"],
        "expires_at": "2026-12-31T23:00:00Z", "pass_share": 0.1, "state": "paused",
    }  # fmt: skip
    assert expected == paused
    assert "large" == run("list")["rules"][0]["name"]
    assert "paused large" == run("list")["last_change"]["what"]
    assert "state" not in run("resume", "large")["rule"]
    assert "expires_at" not in run("edit", "large", "--expires-at", "")["rule"]
    assert 1 == len(run("diff", code=1))
    run("remove", "large")
    assert [] == run("diff")


def test_the_first_match_can_decide(run: Any) -> None:
    """It is part of the version."""
    assert "first_match" == run("mode", "first_match")["mode"]
    assert CARD.ruleset.version != run("check")["version"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("add", "a", "--when", "amuont > 5", "--outcome", "block"), r"rule 'a' uses an unknown column, amuont; did you mean amount\?.*\(it is at character 1 of the condition\)"),
        (("add", "a", "--when", "amount > 5 AND merchnt = 'x'", "--outcome", "block"), r"did you mean merchant\?.*character 16 of"),
        (("add", "a", "--when", "amount >", "--outcome", "block"), "is not a SQL condition"),
        (("add", "a", "--when", "x" * 100_000, "--outcome", "block"), "has 100,000 characters; at most 10,000"),
        (("add", "likely-fraud", "--when", "amount > 5", "--outcome", "block"), "there is a rule 'likely-fraud' already"),
        (("add", "a", "--outcome", "block"), "a new rule needs --when"),
        (("edit", "likly-fraud", "--when", "amount > 5"), r"there is no rule 'likly-fraud'; did you mean likely-fraud\?"),
        (("edit", "likely-fraud"), "say what to change"),
        (("edit", "likely-fraud", "--expires-at", "tomorrow"), "'tomorrow' is no moment with its zone"),
        (("edit", "likely-fraud", "--pass-share", "2"), "write a share from 0 to below 1"),
    ],
)  # fmt: skip
def test_a_mistake_is_said(arguments: tuple[str, ...], complaint: str, run: Any) -> None:
    """With what to do instead, and nothing is written."""
    with pytest.raises(SetupError, match=complaint):
        run(*arguments)
    assert run("list")["last_change"] is None


def test_an_event_is_tried(run: Any, tmp_path: Path) -> None:
    """With what holds, what does not, and what has no value; a decision may be given."""
    run("add", "large", "--when", "amount > 500", "--outcome", "review")
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"amount": 900, "variables": {"merchant": "a"}, "colour": "red"}))
    tried = run("test", str(event))

    assert {"very-likely-fraud": None, "likely-fraud": None, "large": True} == tried["holds"]
    assert ("review", ["large"], ["colour"]) == (tried["outcome"], tried["rules"], tried["unused"])


@pytest.mark.parametrize("content", ["[]", "{", '{"amount": "many"}', '{"amount": {}}'])
def test_an_event_that_is_none_is_refused(content: str, run: Any, tmp_path: Path) -> None:
    """With the file's name."""
    event = tmp_path / "event.json"
    event.write_text(content)

    with pytest.raises(SetupError, match=r"event\.json"):
        run("test", str(event))


def test_of_two_who_change_the_draft_at_once_the_second_is_told(tmp_path: Path) -> None:
    """Nothing of the first one's work is lost."""
    store = DirectoryStore(tmp_path)
    one, other = (
        RulesetDraft(store, CARD, by, lambda: datetime(2026, 3, 1, tzinfo=UTC)) for by in ("ann", "bob")
    )

    def meanwhile(ruleset: Ruleset) -> Ruleset:
        one.change(
            "added large", lambda before: Ruleset([*before.rules, Rule("large", "amount > 5", "review")])
        )
        return Ruleset([*ruleset.rules, Rule("small", "amount < 1", "review")])

    with pytest.raises(SetupError, match="ann did this: added large; nothing was written"):
        other.change("added small", meanwhile)
    assert "large" == one.read().ruleset.rules[-1].name


def test_a_damaged_draft_is_said(tmp_path: Path) -> None:
    """With what to do."""
    (tmp_path / "card").mkdir()
    (tmp_path / "card" / "ruleset.json").write_text('{"ruleset": 3}')

    with pytest.raises(SetupError, match=r"is not a draft of rules .*restore it from a backup, or delete it"):
        RulesetDraft(DirectoryStore(tmp_path), CARD).read()
