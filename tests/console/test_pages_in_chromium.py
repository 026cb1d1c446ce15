"""The console's own pages in a real browser, wide and narrow, light and dark."""

from fraudstream.adapters.secrets import argon
from fraudstream.console.app import Console
from tests.console.browser import NEEDS_CHROMIUM, BrowserPage, no_serious
from tests.console.visiting import guest, logged_in, visitor

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


async def test_an_admin_s_pages_are_sound(browser_page: BrowserPage, console: Console) -> None:
    """With people, keys and entries on them; a link and a key are shown once."""
    admin = visitor(console, "admin")
    for name, role in (("ada.lovelace@bank.example.com", "analyst"), ("ben", "lead"), ("eve", "auditor")):
        admin.send("/people/invite", {"name": name, "role": role}, 200)
    admin.post("/people/disable", name="eve")
    admin.send("/keys", {"name": "till of the web shop", "scope": ["predict", "labels"], "days": "30"}, 200)
    logged_in(console, console.people.named("admin"))
    seen = browser_page(console, admin)
    for path in ("/people", "/keys", "/audit", "/account"):
        await seen.is_sound(path)

    page = await seen.look("/people")
    await page.get_by_label("Name to log in with").fill("dora")
    await page.locator(".bar-form select").select_option("engineer")
    await page.get_by_role("button", name="Make a link").click()
    await seen.keep(page, "people-link")
    link = await page.locator(".secret").inner_text()
    await no_serious(page)
    page = await seen.look(link.removeprefix(seen.url))
    await seen.keep(page, "invitation")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_label("The same again").fill(PASSWORD)
    await page.get_by_role("button", name="Set it and log in").click()
    assert "dora, engineer" in await page.locator("footer").inner_text()

    page = await seen.look("/audit")
    await page.get_by_role("button", name="Verify the chain").click()
    await page.wait_for_selector("#verified .done")
    await seen.keep(page, "audit-verified")
    page = await seen.look("/people")
    page.on("dialog", lambda dialog: dialog.accept())
    await page.get_by_role("button", name="Disable ben").click()
    await page.wait_for_url("**/people?done=disabled")
    assert [] == seen.complaints
