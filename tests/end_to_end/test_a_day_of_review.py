"""A day of review: a worker alerts, people find out what it was in a browser, and what they found is learnt from the next night."""

import asyncio
import json
import random
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.archive.lake import Lake, Stream, labels_lake
from fraudstream.adapters.database.case_queries import View
from fraudstream.adapters.database.engine import opened
from fraudstream.console.app import Console
from fraudstream.console.rooms import ROOMS
from fraudstream.domain.labels import Label, archived_labels, encode
from fraudstream.domain.times import DAY_MS
from fraudstream.settings import Settings
from tests.commands.running import fraudstream
from tests.console.browser import NEEDS_CHROMIUM, BrowserPage, Looking, browser_page, chromium
from tests.console.intake.stage import feeding as feeding_cases
from tests.console.intake.stage import labels_of, reviewed, until
from tests.console.visiting import visitor
from tests.end_to_end.harness import Worker, decisions_of, produce
from tests.shared import day_that_lasts

__all__ = ["browser_page", "chromium"]

pytestmark = [*NEEDS_CHROMIUM, pytest.mark.process]

CARDS = [4_006_080_000_000_000 + number * 7_919 for number in range(40)]
RULE = '[[rules]]\nname = "large"\nwhen = "amount > 450"\noutcome = "review"\n'
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


async def test_what_people_find_is_learnt_from(settings: Settings, browser_page: BrowserPage) -> None:
    """Alerts, claim, close, labels, the next night's training, the report; and the audit trail holds."""
    sent = payments(400)
    await produce(settings, [(str(each["cc_num"]).encode(), json.dumps(each).encode()) for each in sent])
    engine = opened(settings.database_url)
    console = Console(settings, engine, ROOMS)
    analyst, lead = browser_page(console, "analyst"), visitor(console, "lead")
    with Worker(settings):
        decided = await decisions_of(settings, {each["tid"] for each in sent}, 150)
        alerts = {each["transaction_id"] for each in decided if each["outcome"] == "review"}
        async with feeding_cases(settings, engine) as store:
            await until(lambda: reviewed(store).keys() == alerts)
            first = await close_the_next(analyst)
            with store.reading() as cases:
                fraud = {each.transaction_id for each in cases.payments(first)}
            with store.reading() as cases:
                rest = [case.id for case in cases.queue(View(), 500)]
            form = {"ids": rest, "finding": "legitimate", "reason": "as always", "confirmed": str(len(rest))}
            await asyncio.to_thread(lead.send, "/cases/close", form, 200)
            labels = {
                each["transaction_id"]: each["fraud"] for each in await labels_of(settings, len(alerts))
            }
    assert {name: name in fraud for name in alerts} == labels

    archived = await asyncio.to_thread(fraudstream, settings, "archive", "run", "--once", timeout_s=120)
    assert 0 == archived.returncode, archived.stderr
    report = await asyncio.to_thread(fraudstream, settings, "labels", "report", "--json")
    total = json.loads(report.stdout)["total"]
    assert (len(alerts), len(fraud), len(fraud)) == (total["labelled"], total["fraud"], total["caught"])

    await around(settings, fraud)
    place = settings.data_dir / "archive"
    trained = await asyncio.to_thread(
        fraudstream, settings, "train", "--history", place, "--activate", "never", "--json", timeout_s=120
    )
    assert trained.returncode in (0, 1), trained.stderr
    learnt_from = json.loads(trained.stdout)["train"]
    assert (len(alerts), len(fraud)) == (learnt_from["rows"], learnt_from["fraud"])
    verified = await asyncio.to_thread(fraudstream, settings, "audit", "verify")
    assert 0 == verified.returncode, verified.stdout + verified.stderr
