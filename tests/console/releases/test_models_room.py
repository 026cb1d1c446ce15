"""The room of models: versions, side by side, and reports that cannot reach the rest of the console."""

import re
import time
from pathlib import Path

import pytest

from fraudstream.adapters.database.audit import entries
from fraudstream.console.app import Console
from tests.console.visiting import visitor
from tests.releases import registry_in

WAIT_S = 120


def report_of(console: Console, version: str, content: str) -> Path:
    """Put a report where those that were made are kept."""
    path = console.settings.data_dir / "console" / "reports" / f"card-{version}.html"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    return path


def test_versions_are_listed_and_compared(console: Console) -> None:
    """Those of one registry, the newest first."""
    registry_in(Path(console.settings.models_place), 2)
    who = visitor(console, "auditor")
    page = who.get("/models")

    assert page.index('href="/models/2.0"') < page.index('href="/models/1.0"')
    assert "These versions have no figures" in who.get("/models/compare?version=1.0&version=2.0")
    assert "Choose versions to compare" in who.get("/models/compare", 400)
    assert "amount, seconds_since_previous" in who.get("/models/1.0")
    assert "no model 9.9" in who.get("/models/9.9", 400).lower()


def test_a_report_is_shown_in_a_frame_that_may_do_nothing_else(console: Console) -> None:
    """Its scripts run, ask nobody, and belong to no site; other pages still allow no frame."""
    report_of(console, "1.0", "<script>1</script>")
    who = visitor(console, "analyst")
    framed = who.http.get("/models/1.0/report.html").headers
    around = who.http.get("/models/1.0/report").headers

    assert framed["content-security-policy"].startswith("sandbox allow-scripts; default-src 'none';")
    assert "allow-same-origin" not in framed["content-security-policy"]
    assert "SAMEORIGIN" == framed["x-frame-options"]
    assert around["content-security-policy"].endswith("frame-src 'self'")
    assert "frame-src" not in who.http.get("/models/1.0").headers["content-security-policy"]
    assert 'sandbox="allow-scripts"' in who.get("/models/1.0/report")


def test_a_report_that_cannot_be_made_says_why(console: Console) -> None:
    """There is no history: the command's own sentence."""
    who = visitor(console, "engineer")
    assert "There is no report of model 1.0 yet" in who.get("/models/1.0/report", 400)
    who.post("/models/1.0/report")
    deadline = time.monotonic() + WAIT_S
    while "is being made" in (page := who.get("/models/1.0")):
        assert time.monotonic() < deadline
        time.sleep(0.2)

    assert re.search(r"The report could not be made: (No|There|.*) payments", page), page
    assert ["card-1.0"] == [each.subject for each in entries(console.engine, action="model.report")]


def test_a_report_for_which_there_is_no_place_is_not_being_made_for_ever(console: Console) -> None:
    """Such as on a full or a read-only disk; it can be asked for again."""
    place = console.settings.data_dir / "console" / "reports"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("no directory")
    who = visitor(console, "lead")
    who.post("/models/1.0/report")

    deadline = time.monotonic() + 60
    while "is being made" in (page := who.get("/models/1.0")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "The report could not be made: It could not be made (FileExistsError)." in page
    assert "Make a report" in page


@pytest.mark.parametrize("path", ["/models/1.0/report.html", "/models/1.0/report"])
def test_reports_are_for_those_who_are_logged_in(console: Console, path: str) -> None:
    """Others are led to the login."""
    report_of(console, "1.0", "secret")
    who = visitor(console, "analyst")
    who.http.cookies.clear()

    assert 303 == who.http.get(path).status_code
