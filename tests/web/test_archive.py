"""Looking into the archive on a page and as JSON."""

from pathlib import Path

import pytest

from fraudstream.adapters.lake import Lake, Stream
from fraudstream.adapters.objects import LocalObjects
from tests.archive_rows import rows
from tests.web.fake_worker import FakeWorker
from tests.web.served import Serve, Site


@pytest.fixture
async def site(serve: Serve, tmp_path: Path) -> Site:
    """Serve a worker with ten archived payments of five cards."""
    await Lake(LocalObjects(tmp_path)).write(Stream("decisions", 0), rows(*range(10)), {})
    return await serve(FakeWorker(archive=tmp_path))


async def test_payments_are_found_by_id_card_field_and_time(site: Site) -> None:
    """As the command finds them."""

    async def found(query: str) -> list[str]:
        answer = await site.json(f"/api/v1/archive?{query}")
        return [payment["transaction_id"] for payment in answer["payments"]]

    assert ["p3"] == await found("id=p3")
    assert ["p7", "p2"] == await found(f"card={2:032x}")
    assert ["p6"] == await found("field=amount=7.5")
    assert ["p9", "p8"] == await found("limit=2")
    assert ["p1", "p0"] == await found("until=2020-02-03T00:00:04")
    assert [] == await found("since=2020-02-04")


async def test_without_a_question_there_is_a_form_and_no_search(site: Site) -> None:
    """A visit alone must not read a lake."""
    page = await site.html("/archive")

    assert '<form class="panel search" action="/archive" method="get">' in page
    assert "fraudstream archive run" in page
    assert {"payments": [], "asked": False} == await site.json("/api/v1/archive")


async def test_the_page_shows_what_was_found(site: Site) -> None:
    """Empty fields, as the form sends them, do not count."""
    page = await site.html("/archive?id=p3&card=&field=&since=&until=")

    assert "<code>p3</code>" in page
    assert f"/archive?card={3:032x}" in page
    assert "Nothing in the archive fits" in await site.html("/archive?id=p99")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("colour=blue", 400),
        ("field=zip_code", 400),
        ("field=amount=much", 400),
        ("since=yesterday", 400),
        ("limit=0", 400),
        ("card=4006080197832643", 404),
    ],
)
async def test_what_cannot_be_asked_is_said_without_repeating_it(site: Site, query: str, status: int) -> None:
    """Somebody may have typed a card number."""
    answer = await site.json(f"/api/v1/archive?{query}", status)

    assert "4006080197832643" not in answer["error"]["message"]
    assert answer["error"]["message"]
