"""A report in a real browser: one file, a slider that moves every figure, and nothing that runs from the data."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Browser, Page

from fraudstream.domain.times import DAY_MS
from fraudstream.report.page import page_of
from fraudstream.report.report import report_of
from tests.report.judged_of import judged
from tests.report.test_importance import Sum, some_rows
from tests.web.chromium import CONTRAST, NEEDS_CHROMIUM, look

pytestmark = NEEDS_CHROMIUM

HOSTILE = '</script><script>document.title = "run"</script>'
CHARTS = ["scores", "money", "roc", "precision-recall", "calibration", "entities"]


@pytest.fixture(scope="module")
def reports() -> list[dict[str, Any]]:
    """Return reports of two versions on the same 4,000 payments of two weeks."""
    rows, fraud = some_rows()
    count = len(fraud)
    more = {
        "times_ms": [14 * DAY_MS * at // count for at in range(count)],
        "entities": [at // 8 for at in range(count)],
        "amounts": [float(10 + at % 90) for at in range(count)],
        "shop": [HOSTILE if at % 3 else "corner" for at in range(count)],
    }
    made = []
    for version, scores in (("1.0", Sum().probabilities(rows)), ("1.1", rows[:, 1] / 10 + 0.5)):
        payments = judged(fraud.tolist(), np.clip(scores, 0, 1).tolist(), **more)
        about = {
            "version": version,
            "event_type": "card",
            "currency": "USD",
            "tested": {"first": "1970-01-01", "last": "1970-01-14"},
            "details": {"sha256": "0123456789abcdef"},
        }
        made.append(report_of(Sum(), ["first", "second", "third"], payments, rows, about, learnt=0.99))
    return made


@pytest.fixture
def address(reports: list[dict[str, Any]], tmp_path: Path) -> str:
    """Write the page and return where it is."""
    path = tmp_path / "report.html"
    path.write_text(page_of(reports))
    return path.as_uri()


async def move(page: Page, place: int) -> None:
    """Put the slider on the threshold of a number."""
    await page.locator("#threshold").evaluate(
        "(node, to) => { node.value = to; node.dispatchEvent(new Event('input')); }", place
    )


async def figures(page: Page) -> dict[str, str]:
    """Return what the tiles and the confusion table show."""
    found: dict[str, str] = await page.evaluate(
        "() => Object.fromEntries([...document.querySelectorAll('[data-figure]')].map((n) => [n.dataset.figure, n.textContent]))"
    )
    return found


def number(text: str) -> float:
    """Read a figure of the page."""
    return float(re.sub(r"[,%]", "", text))


async def test_the_slider_moves_every_chart_figure_and_table(
    browser: Browser, address: str, reports: list[dict[str, Any]]
) -> None:
    """From the version's own threshold to another; what is shown there is what the report counted there."""
    report = reports[0]
    seen = await look(browser, address)
    page = seen.page
    own, elsewhere = report["thresholds"].index(report["threshold"]), len(report["thresholds"]) - 20
    pictures = [await page.locator(f"#{chart}").screenshot() for chart in CHARTS]
    tables = await page.locator("#groups").inner_text()
    before = await figures(page)
    await move(page, elsewhere)
    after = await figures(page)
    moved = [await page.locator(f"#{chart}").screenshot() for chart in CHARTS]

    for place, shown in ((own, before), (elsewhere, after)):
        alerts, caught = report["all"]["alerts"][place], report["all"]["caught"][place]
        assert pytest.approx(alerts * 100_000 / report["payments"], abs=0.51) == number(shown["alerts"])
        assert pytest.approx(100 * caught / alerts, abs=0.051) == number(shown["precision"])
        assert pytest.approx(100 * caught / report["fraud"], abs=0.051) == number(shown["recall"])
        assert pytest.approx(100_000, abs=2) == sum(
            number(shown[cell]) for cell in ("caught", "missed", "wrong", "right")
        )
        net = report["money"]["saved"][place] - report["money"]["cost"][place]
        assert pytest.approx(net, abs=0.51) == number(shown["net"])
    assert [True] * 5 + [False] == [a != b for a, b in zip(pictures, moved, strict=True)]  # days have no mark
    assert tables != await page.locator("#groups").inner_text()
    assert [] == seen.complaints


async def test_the_buttons_go_to_the_versions_own_and_to_the_best_threshold(
    browser: Browser, address: str, reports: list[dict[str, Any]]
) -> None:
    """And a screen reader is told what the slider says."""
    page = (await look(browser, address)).page
    await page.get_by_role("button", name="Saves most money").click()
    best = await page.locator("#threshold").input_value()
    await page.get_by_role("button", name="The version's own").click()

    assert str(reports[0]["money"]["best"]) == best
    assert "0.250" == await page.locator("#threshold-value").inner_text()
    assert "0.250. Of 100,000 payments" in (
        await page.get_by_role("slider").get_attribute("aria-valuetext") or ""
    )


async def test_it_is_one_file_and_nothing_in_the_data_runs(browser: Browser, address: str) -> None:
    """No request beside the file's own; a value that looks like a script is text."""
    seen = await look(browser, address)

    assert [address] == seen.requests
    assert "Model 1.0" == await seen.page.title()
    assert HOSTILE in await seen.page.locator("#groups").inner_text()


async def test_versions_stand_side_by_side(
    browser: Browser, address: str, reports: list[dict[str, Any]]
) -> None:
    """Each with its figures and intervals; and what is suspicious comes first."""
    page = (await look(browser, address)).page
    ranking = await page.locator("section", has_text="AUC").first.inner_text()

    for report in reports:
        assert report["about"]["version"] in ranking
        assert f"{report['figures']['auc']['value']:.4f}" in ranking
    assert "on the payments it learnt from" in await page.locator(".warned").inner_text()


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
async def test_it_can_be_read_on_a_phone_and_in_the_dark(
    browser: Browser, address: str, colours: str, width: int
) -> None:
    """No page wider than the screen, no text too faint, every chart drawn."""
    page = (await look(browser, address, colours, width)).page

    assert width == await page.evaluate("document.documentElement.scrollWidth")
    assert [] == await page.evaluate(CONTRAST)
    assert len(CHARTS) == await page.locator("figure canvas").count()


def test_the_report_is_plain_json(reports: list[dict[str, Any]]) -> None:
    """No NaN, which other languages cannot read."""
    assert reports == json.loads(json.dumps(reports, allow_nan=False))
