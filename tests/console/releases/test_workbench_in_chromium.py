"""Rules, releases, lists and models in a browser: wide and narrow, light and dark."""

from pathlib import Path

from fraudstream.adapters.database.proposals import Proposals
from fraudstream.console.app import Console
from tests.console.browser import NEEDS_CHROMIUM, BrowserPage
from tests.console.visiting import visitor
from tests.releases import drafted_in

pytestmark = NEEDS_CHROMIUM


async def test_a_rule_is_written_in_a_browser(browser_page: BrowserPage, console: Console) -> None:
    """Completion by keyboard, the preview appears by itself, a mistake is marked; all pages are sound."""
    seen = browser_page(console, "lead")
    await seen.is_sound("/rules")
    await seen.is_sound("/rules/edit?name=likely-fraud")
    page = await seen.look("/rules/new")
    await page.get_by_label("Name").fill("quick")
    await page.locator("#when").press_sequentially("num_trans_last_10")
    await page.locator("#words li").first.wait_for()
    await page.keyboard.press("Tab")
    await page.locator("#when").press_sequentially(" > 1")
    await page.get_by_text("It holds for").wait_for()
    assert "num_trans_last_10m > 1" == await page.locator("#when").input_value()
    await seen.keep(page, "rules-tried-1400-light")
    await page.locator("#when").fill("amont > 1")
    await page.locator("#tried mark").wait_for()
    await seen.keep(page, "rules-mistake-1400-light")
    await page.locator("#when").fill("amount > 100")
    await page.get_by_role("button", name="Save in the draft").click()
    await page.get_by_text("quick is saved in the draft.").wait_for()
    await seen.is_sound("/rules/diff")


async def test_releases_are_looked_at(browser_page: BrowserPage, console: Console) -> None:
    """With a proposal that waits, and side by side."""
    drafted_in(Path(console.settings.models_place), 1, 2)
    ada = visitor(console, "lead", "ada")
    Proposals(console.engine).propose(
        ada.person, "release", "activate card-1", {"action": "activate"}, "better"
    )
    seen = browser_page(console, "engineer")
    await seen.is_sound("/releases")
    await seen.is_sound("/releases/2")
    await seen.is_sound("/releases/2/diff?against=1")
    await seen.is_sound("/releases/new")
