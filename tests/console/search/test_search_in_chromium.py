"""The search in a real browser, wide and narrow, light and dark."""

from pathlib import Path

from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.archive.lake import Lake, Stream
from fraudstream.console.app import Console
from tests.archive_rows import MONDAY_MS, archived, encoded
from tests.console.browser import NEEDS_CHROMIUM, BrowserPage

pytestmark = NEEDS_CHROMIUM
CARD = "4006080197832643"
REASONS = [
    "amount 9.1 times the week's average (12.30)",
    "6 payments within ten minutes, 2 in the week before",
]


async def test_somebody_searches_for_a_card(browser_page: BrowserPage, console: Console) -> None:
    """By its number, which no address has; then goes to one payment and to older ones."""
    card = {"card": console.settings.tokenizer().token(CARD), "card_last4": "2643"}
    blocked = {"outcome": "block", "rules": ["very-likely-fraud"], "reasons": REASONS, "score": 912}
    values = [
        encoded(n, **card, **(blocked if n % 3 else {}), event_time=MONDAY_MS + 60_000 * n) for n in range(60)
    ]
    lake = Lake(LocalObjects(Path(console.settings.archive_place)))
    await lake.write(Stream("decisions", 0), archived(values, list(range(60))), {})
    seen = browser_page(console, "analyst")
    await seen.is_sound("/search", "search")
    page = await seen.look("/search")
    await page.get_by_label("Card: number or token").fill(CARD)
    await page.get_by_role("button", name="Search").click()
    await page.wait_for_url("**/search?card=*")

    assert CARD not in page.url
    assert 50 == await page.locator("tbody tr").count()
    await page.get_by_role("link", name="Older").click()
    await page.wait_for_url("**/search?before=*")
    assert 10 == await page.locator("tbody tr").count()
    await seen.is_sound("/search?outcome=block", "search-found")
    await seen.is_sound("/search?id=nobody", "search-nothing")
    await seen.is_sound("/search/payment?id=p1", "search-payment")
