"""The pages of results in a real browser, wide and narrow, light and dark."""

import asyncio
from pathlib import Path
from typing import Any

from fraudstream.domain.labels import Label
from tests.analytics.history import HOUR_MS, write
from tests.archive_rows import DAY_MS, MONDAY_MS
from tests.console.browser import NEEDS_CHROMIUM, BrowserPage
from tests.console.visiting import made, visitor
from tests.models import saved

pytestmark = NEEDS_CHROMIUM
SEEN = "from=2020-02-03&to=2020-02-16"


def filled(directory: Path) -> None:
    """Archive two weeks: payments of people, and every day a card is attacked, and caught sooner or later."""
    decisions: list[dict[str, Any]] = []
    labels = []
    for day in range(14):
        for hour in range(24):
            fraud = hour in (3, 4, 5)
            alert = hour == 5 or (hour == 4 and day % 2 == 0) or (hour == 20 and day % 3 == 0)
            time_ms = MONDAY_MS + day * DAY_MS + hour * HOUR_MS
            if fraud and day < 11:
                labels.append(
                    Label(f"p{len(decisions)}", True, time_ms + (1 + hour % 4) * DAY_MS, "chargeback")
                )
            elif hour % 6 == 0 and day < 12:
                labels.append(Label(f"p{len(decisions)}", False, time_ms + DAY_MS, "review"))
            decisions.append(
                {
                    "card": f"{day:032x}" if fraud else f"{1000 + hour:032x}",
                    "event_time": time_ms,
                    "decided_at": time_ms + 7,
                    "amount": 20.0 + 40 * fraud + hour,
                    "outcome": "block" if hour == 5 else "review" if alert else "approve",
                    "rules": ["very-likely-fraud", "likely-fraud"]
                    if hour == 5
                    else ["likely-fraud"]
                    if alert
                    else [],
                    "fraud": alert,
                    "score": 900 if hour == 5 else 400 if alert else hour,
                    "degraded": ["weekly-timeout"] if hour == 23 else [],
                    "timing_ms": {"queued": 2.0, "decide": 1.0 + hour / 10},
                    "variables": {"merchant": "Corner shop" if hour % 2 else "Kiosk", "zip_code": "10115"},
                }
            )
    write(directory, decisions, labels)


async def test_results_are_sound_and_a_filter_is_taken_away_again(
    browser_page: BrowserPage, tmp_path: Path
) -> None:
    """Every page; then somebody filters by merchant, follows a tab, and takes the filter away."""
    await asyncio.to_thread(filled, tmp_path / "archive")
    saved(tmp_path / "models", b"a model", model_name="card", version="1.0")
    console = made(f"sqlite:///{tmp_path / 'console.db'}", data_dir=tmp_path, broker="127.0.0.1:1")
    ada = visitor(console, "analyst", "ada")
    ada.post("/account/preferences", shown="Ada", time_zone="Europe/Berlin", money_style="code")
    seen = browser_page(console, ada)
    for path in ("", "/attacks", "/rules", "/scores"):
        await seen.is_sound(f"/results{path}?{SEEN}", f"results{path.replace('/', '-')}")
    await seen.is_sound(
        "/results/drift", "results-drift", until="text=Days and weeks are of the time zone Europe/Berlin"
    )

    page = await seen.look(f"/results?{SEEN}")
    await page.get_by_label("Add a filter").fill("merchant=Kiosk")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="Attacks").click()
    assert "filter=merchant%3DKiosk" in page.url
    await page.get_by_role("link", name="Remove the filter merchant=Kiosk").click()
    assert "merchant" not in page.url
    async with page.expect_download() as download:
        await page.get_by_role("link", name="CSV").first.click()
    assert "positions-2020-02-03-2020-02-16-Europe-Berlin.csv" == (await download.value).suggested_filename
