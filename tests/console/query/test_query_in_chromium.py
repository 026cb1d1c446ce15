"""The SQL page in a real browser."""

import asyncio
from pathlib import Path

from tests.analytics.history import write
from tests.console.browser import NEEDS_CHROMIUM, BrowserPage
from tests.console.visiting import in_zone, made

pytestmark = NEEDS_CHROMIUM


async def test_somebody_asks_the_archive(browser_page: BrowserPage, tmp_path: Path) -> None:
    """The example is run, its result had as a file, and asked again from the list; the page is sound with and without it."""
    await asyncio.to_thread(write, tmp_path / "archive", [{"outcome": "review"}, {}, {}])
    console = made(f"sqlite:///{tmp_path / 'console.db'}", data_dir=tmp_path)
    seen = browser_page(console, in_zone(console, "Asia/Kolkata", "lead"))
    page = await seen.look("/query")
    await page.get_by_label("Days of").select_option("UTC")
    await page.get_by_role("button", name="Take these days").click()
    await page.get_by_text("of the time zone UTC").wait_for()
    page = await seen.look("/query")
    await page.get_by_text("of the time zone Asia/Kolkata").wait_for()
    await page.get_by_role("button", name="Run").click()
    await page.get_by_role("heading", name="2 rows in").wait_for()
    await seen.keep(page, "query-result")
    async with page.expect_download() as download:
        await page.get_by_role("button", name="CSV").click()
    assert "result.csv" == (await download.value).suggested_filename
    await page.get_by_role("button", name="Run").click()
    await page.get_by_role("heading", name="2 rows in").wait_for()
    await page.locator(".lately a").first.click()
    assert "sql=SELECT" in page.url

    await seen.is_sound("/query")
