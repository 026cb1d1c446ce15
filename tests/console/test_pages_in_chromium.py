"""The console's own pages in a real browser, wide and narrow, light and dark."""

from fraudstream.adapters.secrets import argon
from fraudstream.console.app import Console
from tests.console.browser import NEEDS_CHROMIUM, BrowserPage
from tests.console.visiting import guest

pytestmark = NEEDS_CHROMIUM
PASSWORD = "correct horse battery"


async def test_somebody_logs_in(browser_page: BrowserPage, console: Console) -> None:
    """By keyboard; every page on the way is sound."""
    console.people.create("test", "ada", "analyst", "Ada Lovelace", argon.hashed(PASSWORD))
    seen = browser_page(console, guest(console))
    await seen.is_sound("/login")
    page = await seen.look("/login?next=/nowhere")
    await page.keyboard.type("ada")
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")

    await page.wait_for_url("**/nowhere")
    assert "Ada Lovelace" == await page.locator(".account").inner_text()
    await page.get_by_role("button", name="Log out").click()
    await page.wait_for_url("**/login")
