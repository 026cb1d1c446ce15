"""Rules, releases, lists and models in a browser: wide and narrow, light and dark."""

from pathlib import Path

import pytest

from fraudstream.adapters.database.proposals import Proposals
from fraudstream.console.app import Console
from fraudstream.console.arriving import FILE_BYTES_MAX
from fraudstream.console.releases import imports
from fraudstream.console.rooms import ROOMS
from fraudstream.settings import Settings
from tests.console.browser import NEEDS_CHROMIUM, BrowserPage, no_serious
from tests.console.visiting import visitor, with_what_runs_beside
from tests.releases import drafted_in

pytestmark = NEEDS_CHROMIUM


async def test_a_rule_is_written_in_a_browser(browser_page: BrowserPage, console: Console) -> None:
    """Completion by keyboard, the preview appears by itself, a mistake is marked; all pages are sound."""
    seen = browser_page(console, "lead")
    await seen.is_sound("/rules")
    await seen.is_sound("/rules/edit?name=likely-fraud", until="text=It holds for")
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


async def test_models_and_lists_are_looked_at(
    browser_page: BrowserPage, console: Console, kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report's scripts run within its frame; a list with values, and what is in a file before it is imported."""
    made = console.settings.model_copy(
        update={"broker": kafka_settings.broker, "app_id": kafka_settings.app_id}
    )
    console = Console(made, console.engine, ROOMS)
    report = console.settings.data_dir / "console" / "reports" / "card-1.0.html"
    report.parent.mkdir(parents=True)
    report.write_text(
        "<title>r</title><p id=a>plain</p><script>document.getElementById('a').textContent = 'drawn'</script>"
    )
    with with_what_runs_beside(console):
        await _look_at_models_and_lists(browser_page, console, monkeypatch)


async def _look_at_models_and_lists(
    browser_page: BrowserPage, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = visitor(console, "lead", "ada")
    ada.post("/lists/create", name="trusted", purpose="allow", why="known shops")
    ada.post("/lists/trusted/add", values="shop\nother", until="2027-01-01T00:00", why="asked them")
    seen = browser_page(console, "engineer")
    for path in ("/models", "/models/1.0", "/lists", "/lists/trusted"):
        await seen.is_sound(path)
    page = await seen.look("/models/1.0/report")
    await page.frame_locator("iframe").get_by_text("drawn").wait_for()
    page = await seen.look("/lists/trusted")
    with (large := console.settings.data_dir / "large.csv").open("wb") as file:
        file.truncate(FILE_BYTES_MAX + 1)
    await page.get_by_label("Columns value").set_input_files(large)
    await page.get_by_role("alert").get_by_text("fraudstream lists import trusted FILE").wait_for()
    await page.get_by_role("button", name="Look at it").click()
    assert page.url.endswith("/lists/trusted")  # it was not sent
    await seen.keep(page, "lists-too-large-1400-light")
    await no_serious(page)
    await page.get_by_label("Columns value").set_input_files(
        {"name": "shops.csv", "mimeType": "text/csv", "buffer": b"value,until\nnew shop,\nother,tomorrow\n"}
    )
    await page.get_by_role("button", name="Look at it").click()
    await page.get_by_text("1 line can be put on the list; 1 cannot").wait_for()
    await seen.keep(page, "lists-report-1400-light")
    await no_serious(page)
    monkeypatch.setattr(imports, "WAIT_S", 0.0)
    await page.get_by_role("button", name="Put 1 on the list").click()
    await page.get_by_text("the file is on the list").wait_for()
    await seen.is_sound(page.url.removeprefix(seen.url), "lists-imported", until=".done")
    assert [] == seen.complaints
