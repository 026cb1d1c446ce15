"""The pages in a real browser: what is drawn, what is written, what is asked for."""

import asyncio
import time
from dataclasses import replace

import pytest
from playwright.async_api import Browser

from fraudstream.domain.problems import Problem
from fraudstream.web import formatting
from tests.shared import PATIENCE_S
from tests.web.chromium import CONTRAST, NEEDS_CHROMIUM, look
from tests.web.fake_worker import CARD, NOW_MS, a_decision
from tests.web.served import Site

pytestmark = NEEDS_CHROMIUM

DRAWN_PIXELS = """
(selector) => {
  const canvas = document.querySelector(selector + " canvas");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let drawn = 0;
  for (let at = 3; at < pixels.length; at += 4) drawn += pixels[at] > 0;
  return drawn;
}
"""


async def test_the_dashboard_draws_its_charts_and_shows_the_api_s_numbers(browser: Browser, site: Site):
    """Numbers on the page are those of /api/v1/summary, written for people."""
    seen = await look(browser, site.url)
    await seen.page.wait_for_selector("#latency-chart canvas")
    for chart in ("#payments-chart", "#alerts-chart", "#latency-chart"):
        assert await seen.page.evaluate(DRAWN_PIXELS, chart) > 300

    summary = await site.json("/api/v1/summary")
    shown = {
        "totals.payments": formatting.count(summary["totals"]["payments"]),
        "totals.alerts": formatting.count(summary["totals"]["alerts"]),
        "lag": formatting.count(summary["lag"]),
    }
    for field_name, text in shown.items():
        assert text == await seen.page.inner_text(f'[data-show="{field_name}"]')
    assert "ok" == await seen.page.inner_text("#health")


async def test_the_dashboard_follows_the_worker(browser: Browser, site: Site):
    """A new alert appears by itself, on top, looking as the server would have written it."""
    seen = await look(browser, site.url)
    await seen.page.wait_for_selector("#latency-chart canvas")
    site.worker.decide(a_decision("t-new", "block", amount=1234.5, card_last4="7777"), at=time.time())
    await seen.page.wait_for_selector('#alerts a[href^="/decisions/t-new?"]', timeout=1000 * PATIENCE_S)
    live = await seen.page.inner_text("#alerts tr:first-child")
    again = await look(browser, f"{site.url}/alerts")
    written = await again.page.inner_text("#alerts tr:first-child")

    assert "1,234.50" in live
    assert live.split() == written.split()
    assert "5" == await seen.page.inner_text('[data-show="totals.payments"]')


async def test_numbers_are_written_alike_by_server_and_browser(browser: Browser, site: Site):
    """Two languages, one way to write a number."""
    page = (await look(browser, site.url)).page
    values = [None, 0, 0.04, 0.26, 1, 4.36, 9.96, 57.4, 99.4, 99.96, 1234, 12345.678]
    shares = [None, 0, 0.0004, 0.001, 0.0123, 0.5, 0.934, 0.9996, 1]
    formats = {
        "count": formatting.count,
        "ms": formatting.ms,
        "money": formatting.money,
        "share": formatting.share,
    }
    for name, write in formats.items():
        values = shares if name == "share" else values
        expected = [write(value) for value in values]
        assert expected == await page.evaluate(
            f"(values) => values.map((value) => write.{name}(value))", values
        )
    assert formatting.clock(NOW_MS) == await page.evaluate("(time) => write.clock(time)", NOW_MS)


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/alerts", f"/cards/{CARD}", "/decisions/t-3", "/health", "/nothing"])
async def test_pages_are_quiet_self_contained_and_readable(
    browser: Browser, site: Site, path: str, colours: str
):
    """No console message, no request elsewhere, WCAG AA contrast in both colour schemes, no sideways scrolling."""
    seen = await look(browser, site.url + path, colours)
    await asyncio.sleep(0.3)
    allowed = "status of 404" if path == "/nothing" else "\0"

    assert [] == [text for text in seen.complaints if allowed not in text]
    assert [] == [url for url in seen.requests if not url.startswith(site.url)]
    assert [] == await seen.page.evaluate(CONTRAST)
    assert await seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_a_degraded_worker_shows_it_on_the_dashboard(browser: Browser, site: Site):
    """A banner with the sentence and its command, amber and readable, that comes and goes by itself; and a tile."""
    page = (await look(browser, site.url)).page
    assert not await page.is_visible("#problems")
    share = "100 % of the last minute's decisions were made without weekly aggregates (newest: 2020-02-15)"
    site.worker.health = replace(
        site.worker.health,
        problems=(
            Problem("degraded", share, "fraudstream aggregate"),
            Problem("failing", "no payments of partition 3 are decided", "set FRAUDSTREAM_PARTITIONS=4"),
        ),
    )
    await page.wait_for_selector("#problems li")
    live = await page.inner_text("#problems")
    written = await (await look(browser, site.url)).page.inner_text("#problems")

    assert f"{share}. Run: fraudstream aggregate" == live.splitlines()[0]
    assert live.split() == written.split()
    assert "To fix it: set FRAUDSTREAM_PARTITIONS=4." in live
    assert [] == await page.evaluate(CONTRAST)
    assert "0 %" == await page.inner_text('[data-show="degraded_share"]')
    site.worker.health = replace(site.worker.health, problems=())
    await page.wait_for_selector("#problems", state="hidden")


async def test_pages_follow_the_reader_s_colour_scheme(browser: Browser, site: Site):
    """Charts are drawn anew when it changes."""
    page = (await look(browser, site.url, "dark")).page
    await page.wait_for_selector("#latency-chart canvas")
    background = "getComputedStyle(document.body).backgroundColor"
    stroke = "charts['latency-chart'].series[1].stroke()"
    dark = await page.evaluate(f"[{background}, {stroke}]")
    await page.emulate_media(color_scheme="light")
    async with asyncio.timeout(PATIENCE_S):
        while dark[1] == await page.evaluate(stroke):
            await page.wait_for_timeout(50)

    assert "rgb(19, 22, 26)" == dark[0]
    assert "rgb(246, 246, 243)" == await page.evaluate(background)


async def test_a_worker_that_does_not_answer_is_shown_as_such(browser: Browser, site: Site):
    """Old numbers must not look like current ones."""
    page = (await look(browser, site.url)).page
    await page.wait_for_selector("#latency-chart canvas")
    await page.context.set_offline(True)
    await page.wait_for_selector("body.stale")

    assert "no answer" == await page.inner_text("#health")
    await page.context.set_offline(False)
    await page.wait_for_selector("body:not(.stale)")
    assert "ok" == await page.inner_text("#health")


async def test_the_story_can_be_followed_by_clicking(browser: Browser, site: Site):
    """From the dashboard to the decision to the card."""
    page = (await look(browser, site.url)).page
    await page.click('#alerts a[href^="/decisions/t-3?"]')
    assert "93.4 % chance of fraud" in await page.inner_text(".headline")
    await page.click("h1 a")
    assert "Card ending 2643" == await page.inner_text("h1")
    assert "15.00" in await page.inner_text("#ten-minutes")
    assert "58.40" in await page.inner_text("#week")


async def test_pages_fit_a_narrow_window(browser: Browser, site: Site):
    """Tables scroll inside their panel, the page does not."""
    for path in ("/", "/archive", "/decisions/t-3", f"/cards/{CARD}"):
        page = (await look(browser, site.url + path, width=480)).page
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
