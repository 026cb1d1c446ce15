"""Reviewing in a real browser: by keyboard, twice clicked, gone back, wide and narrow, light and dark."""

from playwright.async_api import Page, expect

from fraudstream.domain.review.case import Finding, State
from tests.console.browser import NEEDS_CHROMIUM, BrowserPage, no_serious
from tests.console.cases_world import BLIND, STOLEN, World

pytestmark = NEEDS_CHROMIUM


async def by_key(page: Page, key: str) -> None:
    """Press a key that leads to another page, and wait for that."""
    async with page.expect_navigation():
        await page.keyboard.press(key)


async def test_an_analyst_reviews_with_keys_alone(browser_page: BrowserPage, world: World) -> None:
    """Claim, close, take it back, close again; help is one key away; what a merchant calls itself does nothing."""
    seen = browser_page(world.console, "analyst")
    page = await seen.look("/cases")
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_contain_text("Close as fraud")
    await seen.keep(page, "cases-keys")
    await no_serious(page)
    await page.keyboard.press("Escape")
    for key in "jjk":
        await page.keyboard.press(key)
    await expect(page.locator("tr.chosen")).to_contain_text("ending 1170")
    await by_key(page, "o")
    await by_key(page, "c")
    assert "analyst" == world.case(STOLEN).claimed_by
    await expect(page.locator("#past")).to_contain_text("None of the 30 payments")
    await expect(page.locator("#past")).to_contain_text("Linked in the 7 days before")
    assert "owned" not in await page.title()

    await page.keyboard.press("f")
    await page.keyboard.type("stolen, says the customer: c f l u")
    await by_key(page, "Enter")
    assert (State.CLOSED, Finding.FRAUD) == (world.case(STOLEN).state, world.case(STOLEN).finding)
    await expect(page.locator(".undo")).to_contain_text("Card ending 1170 is closed as fraud.")
    await by_key(page, "z")
    assert State.OPEN == world.case(STOLEN).state
    await page.keyboard.press("l")
    await page.keyboard.type("he has found the card")
    await by_key(page, "Enter")
    assert Finding.LEGITIMATE == world.case(STOLEN).finding
    await by_key(page, "n")
    assert "analyst" == world.case(BLIND).claimed_by
    assert [] == seen.complaints


async def test_a_double_click_closes_once_and_back_shows_the_case_as_it_is(
    browser_page: BrowserPage, world: World
) -> None:
    """Not as the browser remembers it."""
    seen = browser_page(world.console, "analyst")
    page = await seen.look("/cases")
    await page.goto(f"{seen.url}/cases/{world.case(STOLEN).id}")
    await page.get_by_label("Unsure").check()
    await page.get_by_label("Why", exact=True).fill("cannot be reached")
    async with page.expect_navigation(url="**/cases?closed=*"):
        await page.get_by_role("button", name="Close the case").dblclick()
    closed = world.case(STOLEN)
    assert (State.CLOSED, Finding.UNSURE) == (closed.state, closed.finding)

    await page.go_back()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Closed: unsure")
    assert closed == world.case(STOLEN)
    assert [] == seen.complaints


async def test_every_page_of_cases_is_sound(browser_page: BrowserPage, world: World) -> None:
    """For a lead, who sees the most."""
    seen = browser_page(world.console, "lead")
    case = world.case(STOLEN).id
    await seen.is_sound("/cases", "cases")
    await seen.is_sound("/cases?view=closed", "cases-empty")
    await seen.is_sound(f"/cases/{case}/past", "case-past")
    await seen.is_sound(f"/cases/{world.case(BLIND).id}", "case-blind", "#happened")
    await seen.is_sound(f"/cases/{case}", "case", "#happened")
    page = await seen.look("/cases", 390)
    for box in await page.get_by_role("checkbox").all():
        await box.check()
    await page.get_by_role("button", name="Show how many…").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Close 3 cases as legitimate?")
    await seen.keep(page, "cases-close-many-390")
    await no_serious(page)
    assert [] == seen.complaints
