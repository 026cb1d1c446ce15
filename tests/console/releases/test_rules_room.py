"""The room of rules: written, tried on an archive, saved, and what a second person sees."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from fraudstream.adapters.database.audit import entries
from fraudstream.adapters.models.directory import DirectoryStore
from fraudstream.adapters.rules.draft import RulesetDraft
from fraudstream.console.app import Console
from fraudstream.domain.rules import Rule
from tests.backtest.archives import CARD
from tests.console.visiting import Visitor, in_zone, made, visitor
from tests.releases import registry_in

FORM = {"name": "large", "when": "amount > 100", "outcome": "review", "state": "draft", "priority": "3"}


def seen_in(page: str) -> str:
    """Return which draft a page was made of."""
    return re.findall(r'name="seen" value="([^"]*)"', page)[0]


def draft(console: Console) -> dict[str, Rule]:
    """Return the rules of the draft."""
    store = DirectoryStore(Path(str(console.settings.models_place)))
    return {rule.name: rule for rule in RulesetDraft(store, CARD).read().ruleset.rules}


def trying(who: Visitor, **form: str) -> str:
    """Return what the page says while a rule is written."""
    return who.send("/rules/try", {**FORM, **form}, 200).text


def test_rules_are_listed_with_how_often_they_fired(console: Console) -> None:
    """The counts come after the page."""
    who = visitor(console, "auditor")
    page = who.get("/rules")

    assert "as the event type&#39;s file has them" in page or "as the event type's file has them" in page
    assert 'hx-get="/rules/fires"' in page
    assert re.search(
        r">likely-fraud</a>.*?<td class=\"number\">[1-9]\d*</td>", who.get("/rules/fires"), re.DOTALL
    )


def test_a_rule_is_tried_while_it_is_written(console: Console) -> None:
    """A draft, as if it were active: what it would have caught, alerts a day against the reviews, examples."""
    said = trying(visitor(console, "lead"), when="amount > 20 AND num_trans_last_10m > 1", capacity="5")

    assert "<dt>It holds for</dt>" in said
    assert "Fraud caught" in said
    assert "Days over 5 reviews" in said
    assert re.search(r'<td class="card">p\d+</td>', said)
    assert "fraudstream backtest draft" in said


def test_the_days_of_a_preview_are_the_writer_s(console: Console, archive: Path) -> None:
    """The last seven that have payments by their clocks; the page says whose they are."""
    newest = (
        pl.scan_parquet(sorted(archive.glob("date=*/*.parquet")))
        .select(pl.max("event_time"))
        .collect()
        .item()
    )
    said = set()
    for zone in ("Asia/Kolkata", "America/New_York"):
        last = datetime.fromtimestamp(newest / 1000, ZoneInfo(zone)).date()
        page = trying(in_zone(console, zone, "lead"))
        said.add(last)

        assert f"<h2>{last - timedelta(days=6)} to {last}</h2>" in page
        assert f"days are of the time zone {zone}" in page
    assert 2 == len(said)


def test_a_mistake_is_shown_where_it_is(console: Console) -> None:
    """With the nearest name; what was typed is text, never a page's own."""
    said = trying(visitor(console, "lead"), when="amont > 100 AND merchant = '<script>'")

    assert "<mark>amont</mark> &gt; 100 AND merchant = &#39;&lt;script&gt;&#39;" in said
    assert "did you mean amount?" in said
    assert "it is at character 1 of the condition" in said


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "The rule needs a name"),
        ("when", "", "The rule needs a condition, such as amount &gt; 1000"),
        ("when", "amount >", "is not a SQL condition"),
        ("when", "SUM(amount) > 1", "from one event alone"),
        ("when", "amount", "is not a condition: compare something"),
        ("priority", "high", "The priority is a number, not"),
        ("outcome", "explode", "asks for outcome"),
        ("pass_percent", "100", "to stop it, pause it"),
        ("expires_at", "tomorrow", "is no date and time"),
    ],
)
def test_what_is_no_rule_is_said(console: Console, field: str, value: str, sentence: str) -> None:
    """While it is written, and when it is saved: nothing is saved then."""
    who = visitor(console, "lead")

    assert sentence in trying(who, **{field: value})
    assert sentence[4:] in who.send("/rules/save", {**FORM, "seen": "", field: value}, 422).text
    assert {"very-likely-fraud", "likely-fraud"} == draft(console).keys()


def test_a_rule_is_saved_changed_and_removed_and_the_audit_trail_says_so(console: Console) -> None:
    """Its end is a moment of the time zone of whoever writes it."""
    who = visitor(console, "lead")
    new = who.get("/rules/new")
    who.send(
        "/rules/save", {**FORM, "seen": seen_in(new), "tags": "new, large", "expires_at": "2027-01-01T08:00"}
    )
    saved = draft(console)["large"]
    page = who.get("/rules/edit?name=large")
    who.send(
        "/rules/save",
        {**FORM, "seen": seen_in(page), "was": "large", "name": "larger", "when": "amount > 900"},
    )
    who.post("/rules/state", name="larger", to="shadow", seen=seen_in(who.get("/rules/edit?name=larger")))
    changed = draft(console)["larger"]
    who.post("/rules/remove", name="larger", seen=seen_in(who.get("/rules/edit?name=larger")))

    assert (("new", "large"), "2027-01-01T08:00:00+00:00") == (
        saved.tags,
        saved.expires_at and saved.expires_at.isoformat(),
    )
    assert ("amount > 900", "shadow") == (changed.when, changed.state)
    assert {"very-likely-fraud", "likely-fraud"} == draft(console).keys()
    assert ["rule.change", "rule.change", "rule.save", "rule.save"] == [
        each.action for each in entries(console.engine, action="rule.")
    ]


def test_of_two_who_change_the_draft_the_second_sees_what_the_first_did(console: Console) -> None:
    """And what they wrote themselves; sent once more it is saved."""
    first, second = visitor(console, "lead", "ada"), visitor(console, "engineer", "bob")
    opened = [seen_in(who.get("/rules/new")) for who in (first, second)]
    first.send("/rules/save", {**FORM, "seen": opened[0]})
    said = second.send("/rules/save", {**FORM, "name": "huge", "seen": opened[1]}, 409).text

    assert "The draft was changed since you opened it: ada did this" in said
    assert "added large; nothing of yours was saved yet" in said
    assert 'value="huge"' in said
    second.send("/rules/save", {**FORM, "name": "huge", "seen": seen_in(said)})
    assert {"large", "huge"} < draft(console).keys()


@pytest.mark.parametrize("role", ["analyst", "auditor"])
def test_who_may_not_write_rules_may_try_them(console: Console, role: str) -> None:
    """And is told so in place of the button."""
    who = visitor(console, role)

    assert "may look at rules and try them, but not save them" in who.get("/rules/edit?name=likely-fraud")
    assert "<dt>It holds for</dt>" in trying(who)
    for path in ("/rules/save", "/rules/state", "/rules/remove", "/rules/mode"):
        who.send(path, {**FORM, "seen": "", "to": "active", "mode": "first_match"}, 403)


def test_what_the_draft_changes_is_shown_side_by_side(console: Console) -> None:
    """Compared with what decides; without a release that is the event type's file."""
    who = visitor(console, "lead")
    page = who.get("/rules/edit?name=likely-fraud")
    who.send(
        "/rules/save",
        {**FORM, "seen": seen_in(page), "was": "likely-fraud", "name": "likely-fraud", "state": "active"},
    )

    assert "<mark>amount &gt; 100</mark>" in who.get("/rules/diff")


def test_words_for_completion_are_known(console: Console) -> None:
    """Also where no broker answers, without lists."""
    assert '"word":"amt_ratio1"' in visitor(console, "lead").get("/rules/words")


def test_without_an_archive_rules_can_be_written_all_the_same(tmp_path: Path) -> None:
    """The page says why nothing is known of the last days."""
    registry_in(tmp_path / "models", 1)
    console = made(
        f"sqlite:///{tmp_path / 'f.db'}", models=str(tmp_path / "models"), archive=str(tmp_path / "archive")
    )

    assert "What it would have done is not known: no payments in" in trying(visitor(console, "lead"))
