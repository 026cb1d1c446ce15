"""The stream in a real browser, wide and narrow, light and dark."""

from fraudstream import topics
from fraudstream.console.app import Console
from tests.console.browser import NEEDS_CHROMIUM, BrowserPage
from tests.dead_letters.written import Bad, write

pytestmark = NEEDS_CHROMIUM


async def test_somebody_watches_the_stream_and_sends_a_record_again(
    browser_page: BrowserPage, watched: Console
) -> None:
    """Follows a topic, pauses it, looks at a decision beside its source, and sends what was refused again, once."""
    settings = watched.settings
    transactions, decisions = (
        settings.topic(topic.name) for topic in (topics.TRANSACTIONS, topics.DECISIONS)
    )
    seen = browser_page(watched, "engineer")
    await seen.is_sound("/stream/topics", "stream-topics")
    await seen.is_sound(f"/stream/topics/{transactions}?partition=3", "stream-records")
    await seen.is_sound(f"/stream/topics/{decisions}/2/0", "stream-record")
    await seen.is_sound("/stream/dead-letters", "stream-letters")

    page = await seen.look(f"/stream/topics/{transactions}?partition=2")
    await page.get_by_role("button", name="Watch live").click()
    await page.get_by_text("Live: new records").wait_for()
    await write(settings, Bad("empty", partition=2))
    await page.get_by_role("link", name="2-0").wait_for()
    await page.get_by_role("button", name="Pause").click()
    assert "Paused." == await page.locator("#live-said").inner_text()

    page = await seen.look("/stream/dead-letters?reason=invalid-field")
    page.on("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Send all 2 again").dblclick()
    await (
        page.get_by_text("2 sent again, 0 had been sent before")
        .or_(page.get_by_text("0 sent again, 2 had been sent before"))
        .wait_for()
    )
    await seen.keep(page, "stream-letters-sent-1400-light")
    assert [] == seen.complaints
