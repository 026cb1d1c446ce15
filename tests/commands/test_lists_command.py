"""`fraudstream lists`, on a real broker."""

import json
from pathlib import Path
from typing import Any

import pytest

from fraudstream.settings import Settings
from tests.commands.running import fraudstream
from tests.end_to_end.harness import read_all

CARD = "4006080197832643"


def run(settings: Settings, *arguments: str | Path, code: int = 0) -> Any:
    """Return what a command says as JSON."""
    done = fraudstream(settings, "lists", *arguments, "--json")
    assert code == done.returncode, done.stderr
    return json.loads(done.stdout) if code != 2 else done.stderr


@pytest.mark.timeout(300)
async def test_cards_and_merchants_are_listed_shown_and_removed(
    kafka_settings: Settings, tmp_path: Path
) -> None:
    """Card numbers are tokens before anything is written, whatever way they come."""
    run(kafka_settings, "create", "stolen", "--kind", "card", "--purpose", "deny")
    run(kafka_settings, "create", "shops")
    file = tmp_path / "cards.csv"
    file.write_text(f"value,until,why\n{CARD},2030-01-01T00:00:00Z,reported {CARD}\n4006-0801-9783-2650,,\n")
    imported = run(kafka_settings, "import", "stolen", file)
    run(kafka_settings, "add", "shops", "Corner shop", "Müller & Sohn", "--why", "test")
    run(kafka_settings, "remove", "shops", "Corner shop")
    listed = {each["list"]: each["entries"] for each in run(kafka_settings, "list")["lists"]}
    shown = run(kafka_settings, "show", "stolen", CARD)["shown"]
    run(kafka_settings, "show", "shops", "Corner shop", code=1)
    exported = fraudstream(kafka_settings, "lists", "export", "stolen").stdout
    records = await read_all(kafka_settings, "lists")

    assert {"list": "stolen", "added": 2} == imported
    assert {"stolen": 2, "shops": 1} == listed
    assert ("2030-01-01T00:00:00+00:00", False) == (shown[0]["until"], CARD in shown[0]["why"])
    assert ["value,until,why,by,at", 2] == [exported.splitlines()[0], len(exported.splitlines()) - 1]
    assert not any(CARD.encode() in (each.key or b"") + (each.value or b"") for each in records)
    assert {0} == {each.partition for each in records}


@pytest.mark.timeout(300)
async def test_mistakes_are_said_and_nothing_is_written(kafka_settings: Settings, tmp_path: Path) -> None:
    """With the line, without the value."""
    run(kafka_settings, "create", "shops")
    before = len(await read_all(kafka_settings, "lists"))
    file = tmp_path / "shops.csv"
    file.write_text(f"value,until\na,\n{CARD},\nb,tomorrow\n")
    said = run(kafka_settings, "import", "shops", file, code=2)

    assert "line 3: this looks like a card number: make a list of cards" in said
    assert "line 4: this is no moment: write e.g. 2027-01-01T00:00:00Z" in said
    assert CARD not in said
    assert "there is no list 'shosp'; did you mean shops?" in run(kafka_settings, "add", "shosp", "a", code=2)
    assert before == len(await read_all(kafka_settings, "lists"))


@pytest.mark.timeout(300)
async def test_a_rule_is_snoozed_for_a_card_and_woken(kafka_settings: Settings) -> None:
    """By its number; what is written has the token."""
    run(kafka_settings, "snooze", "large", CARD, "--until", "2030-01-01T00:00:00Z", "--why", "they called")
    snoozed = run(kafka_settings, "list")["snoozed"]
    run(kafka_settings, "wake", "large", CARD)
    records = await read_all(kafka_settings, "lists")

    assert {"large": 1} == snoozed
    assert 1 == len({each.key for each in records})
    assert CARD.encode() not in (records[0].key or b"")
    assert b"" == (records[-1].value or b"")
