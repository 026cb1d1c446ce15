"""The pages on a phone, by keyboard and read aloud, in a real browser."""

import time
from pathlib import Path

import pytest
from playwright.async_api import Browser

from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.archive.lake import Lake, Stream
from tests.archive_rows import archived, encoded
from tests.web.chromium import CONTRAST, NEEDS_CHROMIUM, look
from tests.web.fake_worker import CARD, FakeWorker, a_decision
from tests.web.served import Serve, Site

pytestmark = NEEDS_CHROMIUM

PHONE_PX = 390
ROW_MAX_PX = 140
REASONS = [
    "10-minute average of 612.20 3.4 times the usual 180.11",
    "9 payments within ten minutes, 9 in the week before",
    "amount 85 % below the 10-minute average (21.57)",
]
HEIGHTS = "[...document.querySelectorAll('.rows tbody tr')].map((row) => row.getBoundingClientRect().height)"
WIDER = """
[...document.querySelectorAll("html, main *, header *")]
  .filter((node) => ["auto", "scroll"].includes(getComputedStyle(node).overflowX) || node === document.documentElement)
  .filter((node) => node.scrollWidth > node.clientWidth)
  .map((node) => `${node.tagName}.${node.className}: ${node.scrollWidth} > ${node.clientWidth}`)
"""
EDGES = CONTRAST.replace('"body *"', '".search input, .search button"').replace("!own || ", "")
EDGES = EDGES.replace("getComputedStyle(node).color", "getComputedStyle(node).borderTopColor").replace(
    "ratio < 4.5", "ratio < 3"
)


@pytest.fixture
async def busy(serve: Serve, tmp_path: Path) -> Site:
    """A worker with twenty alerts and an archive, all with long reasons, ids and merchants."""
    worker = FakeWorker(archive=tmp_path, activity={CARD: [(1_600_000_000_000, 250)]})
    long = {"amount": 1_234_567.5, "reasons": REASONS}
    worker.decide(*[a_decision(f"{number:064d}", "review", **long) for number in range(20)])
    values = [
        encoded(number, variables={"merchant": "Meadow Grocery and Sons " * 4}, **long, outcome="review")
        for number in range(20)
    ]
    await Lake(LocalObjects(tmp_path)).write(Stream("decisions", 0), archived(values, list(range(20))), {})
    return await serve(worker)


@pytest.mark.parametrize(
    ("path", "rows"),
    [("/", 8), ("/alerts", 20), ("/archive", 20), (f"/cards/{CARD}", 20), ("/health", 0), ("/nothing", 0)],
)
async def test_on_a_phone_a_row_is_a_card(browser: Browser, busy: Site, path: str, rows: int) -> None:
    """So low that five fit on a screen, and nothing is to be scrolled sideways."""
    page = (await look(browser, busy.url + path, width=PHONE_PX)).page
    heights = await page.evaluate(HEIGHTS)

    assert rows == len(heights)
    assert ROW_MAX_PX >= max(heights, default=0)
    assert [] == await page.evaluate(WIDER)


async def test_a_refresh_leaves_the_keyboard_where_it_is(browser: Browser, busy: Site) -> None:
    """On the row's link, while new alerts come above it and even when it is no longer among the newest."""
    page = (await look(browser, busy.url)).page
    await page.focus("#alerts tr:nth-child(3) a")
    focused = await page.evaluate("document.activeElement.href")
    for burst in range(3):
        names = [f"new-{burst}-{number}" for number in range(4)]
        busy.worker.decide(*[a_decision(name, "block") for name in names], at=time.time())
        await page.wait_for_selector(f'#alerts a[href^="/decisions/{names[-1]}?"]')

        assert focused == await page.evaluate("document.activeElement.href")
    assert 9 == await page.evaluate("document.querySelectorAll('#alerts tr').length")
    await page.focus("#alerts tr:first-child a")
    busy.worker.decide(a_decision("last", "block"), at=time.time())
    await page.wait_for_selector('#alerts a[href^="/decisions/last?"]')
    assert 9 == await page.evaluate("document.querySelectorAll('#alerts tr').length") + 1


async def test_new_alerts_are_read_aloud(browser: Browser, busy: Site) -> None:
    """How many, and which is the newest; nothing is said of those that were there before."""
    page = (await look(browser, busy.url)).page
    await page.wait_for_selector("#latency-chart canvas")
    assert "" == await page.text_content("#news[role=status]")

    busy.worker.decide(a_decision("one", "block"), a_decision("two", "review", amount=1234.5), at=time.time())
    await page.wait_for_selector("#news:not(:empty)", state="attached")

    assert "2 new alerts. The newest: For review, 1,234.50, card ending 2643." == await page.text_content(
        "#news"
    )


@pytest.mark.parametrize("path", ["/", "/alerts", "/archive"])
async def test_a_link_says_where_it_leads(browser: Browser, busy: Site, path: str) -> None:
    """Not only a time: outcome, amount and card; the day is there, since rows may be older than today."""
    page = (await look(browser, busy.url + path)).page
    row = page.locator(".rows tbody tr").first
    time_, name = (
        await row.locator("td.time").inner_text(),
        await row.locator("td.time a").get_attribute("aria-label"),
    )

    assert len("2020-09-13 12:26:40") == len(time_)
    assert f"{time_}, For review, 1,234,567.50, card ending" in str(name)
    assert str(await row.locator("a.card").get_attribute("aria-label")).startswith("Card ending ")


@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_where_to_type_can_be_seen(browser: Browser, busy: Site, colours: str) -> None:
    """The border of inputs and buttons has the contrast of WCAG 1.4.11, 3:1."""
    page = (await look(browser, f"{busy.url}/archive", colours)).page

    assert 7 <= await page.locator(".search input").count()
    assert [] == await page.evaluate(EDGES)
