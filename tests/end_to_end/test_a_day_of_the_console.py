"""A day of the console: a worker alerts, people find out what it was in a browser, and what they found is learnt from the next night.

Then somebody writes a rule, sees what it would have done, tries it beside what decides, and somebody else approves that it decides.
"""

import asyncio
import json
import random
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from playwright.async_api import Page

from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.archive.lake import Lake, Stream, labels_lake
from fraudstream.adapters.database.audit import entries
from fraudstream.adapters.database.case_queries import View
from fraudstream.adapters.database.cases import CaseStore
from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.releases.store import Releases
from fraudstream.adapters.releases.telling import answers
from fraudstream.console.app import Console
from fraudstream.console.rooms import ROOMS
from fraudstream.domain.labels import Label, archived_labels, encode
from fraudstream.domain.releases.release_log import Role
from fraudstream.domain.times import DAY_MS
from fraudstream.settings import Settings
from tests.commands.running import fraudstream
from tests.console.browser import NEEDS_CHROMIUM, BrowserPage, Looking, browser_page, chromium
from tests.console.intake.stage import feeding as feeding_cases
from tests.console.intake.stage import labels_of, reviewed, until
from tests.console.visiting import Visitor
from tests.end_to_end.harness import Worker, decisions_of, produce, reading
from tests.shared import day_that_lasts

__all__ = ["browser_page", "chromium"]

pytestmark = [*NEEDS_CHROMIUM, pytest.mark.process]

CARDS = [4_006_080_000_000_000 + number * 7_919 for number in range(40)]
RULE = '[[rules]]\nname = "large"\nwhen = "amount > 450"\noutcome = "review"\n'
NEW_RULE = "shop-three"
PATIENCE_MS = 150_000
BEFORE, AFTER = 7, 6
"""Days of payments around the day of review. A training leaves seven of fourteen days out, and tests with the last two."""


@pytest.fixture
def settings(kafka_settings: Settings, tmp_path: Path) -> Settings:
    """Return settings with an event type whose large payments are reviewed, and with a database."""
    day_that_lasts()
    declared = files("fraudstream.event_types").joinpath("card.toml").read_text()
    event_type = tmp_path / "large.toml"
    event_type.write_text(f"{declared.partition('[[rules]]')[0].rpartition(chr(10) + '#')[0]}\n{RULE}")
    changed = {
        "web": False,
        "releases_by_two": True,
        "shadow_time_share": 1.0,
        "event_type": str(event_type),
        "data_dir": tmp_path / "data",
        "database": f"sqlite:///{tmp_path / 'console.db'}",
    }
    return kafka_settings.model_copy(update=changed)


def payments(count: int) -> list[dict[str, Any]]:
    """Return payments of the last minute; one in ten is large."""
    chance, now = random.Random(3), time.time()
    return [
        {
            "tid": f"t{number}",
            "cc_num": chance.choice(CARDS),
            "amount": chance.randrange(1, 50_000) / 100,
            "trans_ts": round(now - 60 + number * 60 / count, 3),
            "merchant": f"Shop {number % 7}",
        }
        for number in range(count)
    ]


async def close_the_next(analyst: Looking) -> str:
    """Claim the most urgent case and close it as fraud, by keyboard alone; return its id."""
    page = await analyst.look("/cases")
    async with page.expect_navigation():
        await page.keyboard.press("n")
    case_id = page.url.rpartition("/")[2]
    await page.keyboard.press("f")
    await page.keyboard.type("stolen")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
    assert [] == analyst.complaints
    return case_id


async def review(settings: Settings, store: CaseStore, analyst: Looking, lead: Visitor) -> set[str]:
    """Close one case as fraud and the others as legitimate; return the payments of the first."""
    first = await close_the_next(analyst)
    with store.reading() as cases:
        fraud = {each.transaction_id for each in cases.payments(first)}
        rest = [case.id for case in cases.queue(View(), 500)]
    form = {"ids": rest, "finding": "legitimate", "reason": "as always", "confirmed": str(len(rest))}
    await asyncio.to_thread(lead.send, "/cases/close", form, 200)
    return fraud


async def around(settings: Settings, fraud: set[str]) -> None:
    """Add days before and after to the archive, the same payments again; of the last days it is known what they were."""
    directory = LocalObjects(settings.data_dir / "archive")
    lake, later = Lake(directory), []
    for file in await lake.files():
        rows = await lake.read(file)
        for day in (*range(-BEFORE, 0), *range(1, AFTER + 1)):
            moved = rows.with_columns(
                pl.col("event_time") + day * DAY_MS,
                pl.col("decided_at") + day * DAY_MS,
                pl.col("transaction_id") + f" {day}",
                *(
                    pl.col(name) + (day + BEFORE + 1) * 100_000
                    for name in ("decision_offset", "source_offset")
                ),
            )
            await lake.write(Stream("other-days", file.stream.partition), moved, {})
            if day >= AFTER - 1:
                ids = rows["transaction_id"].to_list()
                known_at = rows["event_time"].max() + day * DAY_MS  # type: ignore[operator]
                later += [encode(Label(f"{each} {day}", each in fraud, known_at)) for each in ids]
    labels = archived_labels(later, list(range(len(later))))
    await labels_lake(directory).write(Stream("other-labels", 0), labels, {})


async def write_a_rule(engineer: Looking) -> int:
    """Write a rule in the workbench and save it; return for how many payments of the last seven days it holds, as the page says."""
    page = await engineer.look("/rules/new")
    page.set_default_timeout(PATIENCE_MS)
    await page.get_by_label("Name").fill(NEW_RULE)
    await page.locator("#when").fill("merchant = 'Shop 3' AND amount > 100")
    await page.locator("#outcome").select_option("block")
    await page.locator("#state").select_option("active")
    tried = page.locator("#tried")
    await tried.get_by_text("It holds for").wait_for()
    holds_for = await tried.locator("dl.figures dd").first.inner_text()
    await engineer.keep(page, "day-rule-tried")
    await page.get_by_role("button", name="Save in the draft").click()
    await page.get_by_text(f"{NEW_RULE} is saved in the draft.").wait_for()
    return int(holds_for.replace(",", ""))


async def press(page: Page, button: str) -> None:
    """Press a button that leads to another page."""
    async with page.expect_navigation():
        await page.get_by_role("button", name=button).click()


async def release_by_two(settings: Settings, engineer: Looking, lead: Looking) -> None:
    """Make a release of the draft, try it in shadow, propose it, and let somebody else approve it: then it decides."""
    page = await engineer.look("/releases/new")
    page.set_default_timeout(PATIENCE_MS)
    for button in ("Make it", "Check it", "Shadow"):
        await press(page, button)
    await runs(settings, Role.CHALLENGER)
    assert ["approve"] == [each["outcome"] for each in await pay(settings, "in-shadow")]
    async with reading(settings, "shadow-decisions") as topic:
        (differs,) = await topic.until(lambda records: bool(records), PATIENCE_MS / 1000)
    assert "in-shadow" == json.loads(differs.value or b"")["transaction_id"]

    await press(page, "Activate (propose)")
    await engineer.keep(page, "day-proposed")
    assert Releases.of(settings).log().active is None
    page = await lead.look("/releases")
    page.set_default_timeout(PATIENCE_MS)
    page.on("dialog", lambda dialog: dialog.accept())
    await press(page, "Approve")
    await lead.keep(page, "day-approved")
    await runs(settings, Role.CHAMPION)
    assert [] == engineer.complaints + lead.complaints


async def runs(settings: Settings, role: Role) -> None:
    """Wait until the worker has the first release in a role."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while True:
            said = await answers(settings, "card")
            if any((each.role, each.release, each.result) == (role, 1, "applied") for each in said):
                return
            await asyncio.sleep(0.2)


async def pay(settings: Settings, tid: str) -> list[dict[str, Any]]:
    """Pay what the new rule is about; return what was decided."""
    paid = {"tid": tid, "cc_num": CARDS[0], "amount": 200, "trans_ts": time.time(), "merchant": "Shop 3"}
    await produce(settings, [(str(CARDS[0]).encode(), json.dumps(paid).encode())])
    return [each for each in await decisions_of(settings, {tid}, 150) if each["transaction_id"] == tid]


async def run(settings: Settings, *words: str | Path) -> str:
    """Run a command of ours that succeeds; return what it prints."""
    done = await asyncio.to_thread(fraudstream, settings, *words, timeout_s=PATIENCE_MS / 1000)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


async def test_a_day_of_the_console(settings: Settings, browser_page: BrowserPage) -> None:
    """Alerts, claim, close, labels, the report, the next night's training; a rule, its shadow, two people; and the audit trail holds."""
    sent = payments(400)
    await produce(settings, [(str(each["cc_num"]).encode(), json.dumps(each).encode()) for each in sent])
    engine = opened(settings.database_url)
    console = Console(settings, engine, ROOMS)
    analyst, lead = browser_page(console, "analyst"), browser_page(console, "lead")
    with Worker(settings):
        decided = await decisions_of(settings, {each["tid"] for each in sent}, 150)
        alerts = {each["transaction_id"] for each in decided if each["outcome"] == "review"}
        async with feeding_cases(settings, engine) as store:
            await until(lambda: reviewed(store).keys() == alerts)
            fraud = await review(settings, store, analyst, lead.visitor)
            labels = {
                each["transaction_id"]: each["fraud"] for each in await labels_of(settings, len(alerts))
            }
        assert {name: name in fraud for name in alerts} == labels

        await run(settings, "archive", "run", "--once")
        total = json.loads(await run(settings, "labels", "report", "--json"))["total"]
        assert (len(alerts), len(fraud), len(fraud)) == (total["labelled"], total["fraud"], total["caught"])
        await around(settings, fraud)
        place = settings.data_dir / "archive"
        trained = await run(settings, "train", "--history", place, "--activate", "always", "--json")
        learnt_from = json.loads(trained)["train"]
        assert (len(alerts), len(fraud)) == (learnt_from["rows"], learnt_from["fraud"])

        engineer = browser_page(console, "engineer")
        of_a_day = sum(each["merchant"] == "Shop 3" and each["amount"] > 100 for each in sent)
        assert await write_a_rule(engineer) in {of_a_day * days for days in range(1, 8)}
        await release_by_two(settings, engineer, lead)
        (last,) = await pay(settings, "at-last")
    assert ("block", [NEW_RULE], "card-1") == (last["outcome"], last["rules"], last["release"])
    assert "engineer and lead" == Releases.of(settings).log().entries[-1].by
    did = [(each.person, each.action) for each in reversed(entries(engine, action="release."))]
    assert ("engineer", "release.propose") in did
    assert ("lead", "release.activate") in did
    assert json.loads(await run(settings, "audit", "verify", "--json"))["ok"]
