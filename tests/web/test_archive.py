"""Looking into the archive on a page and as JSON."""

import html
import re
from pathlib import Path

import pytest

from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.archive.lake import Lake, Stream
from fraudstream.web import resources
from tests.archive_rows import MONDAY_MS, decision, rows
from tests.web.fake_worker import CARD, FakeWorker, a_decision
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
    assert ["p9"] == await found("field=amount>=9&field=amount!=9.5&field=")
    assert 10 == len(await found("merchant=CORNER"))
    assert [] == await found("merchant=Meadow")
    assert ["p9", "p8"] == await found("limit=2")
    assert ["p1", "p0"] == await found("until=2020-02-03T00:00:04")
    assert [] == await found("since=2020-02-04")


async def test_without_a_question_the_newest_are_shown_and_older_ones_by_a_link(site: Site) -> None:
    """Page by page, each payment once; the last page has no link to an older one."""
    seen: list[str] = []
    path = "/archive?limit=4&field=amount%3C9"
    while path:
        page = await site.html(path)
        seen += re.findall(r"<code>(p\d)</code>", page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        path = html.unescape(older[1]) if older else ""

    assert [f"p{number}" for number in range(7, -1, -1)] == seen
    assert 10 == (await site.html("/archive")).count('<a href="/decisions/')
    answer = await site.json("/api/v1/archive")
    assert (10, None, False) == (len(answer["payments"]), answer["next_before"], answer["asked"])


async def test_an_empty_archive_says_which_command_fills_it(serve: Serve) -> None:
    """And an answer without payments says that it was the filters."""
    site = await serve(FakeWorker())

    assert "fraudstream archive run" in await site.html("/archive")
    assert "No payments match these filters." in await site.html("/archive?id=p99")


async def test_the_page_shows_what_was_found_and_keeps_what_was_asked(site: Site) -> None:
    """Every row leads to its decision, also when no worker remembers it; the form can be changed and sent again."""
    page = await site.html("/archive?id=p3&card=&field=amount>1&since=&until=&merchant=corner")

    assert f'href="/decisions/p3?at={MONDAY_MS + 6000}"' in page
    assert f"/archive?card={3:032x}" in page
    assert "Corner shop" in page
    for kept in ("p3", "amount&gt;1", "corner"):
        assert f'value="{kept}"' in page


async def test_a_decision_that_no_worker_remembers_comes_from_the_archive(site: Site) -> None:
    """As page and as JSON, with its time or without; it is what was published, but for the timing."""
    answer = await site.json("/api/v1/decisions/p3")

    published = decision(3)
    del published["timing_ms"]
    assert {"decision": published, "worker": None, "archived": True} == answer
    assert answer == await site.json(f"/api/v1/decisions/p3?at={MONDAY_MS + 6000}")
    await site.json(f"/api/v1/decisions/p3?at={MONDAY_MS}", status=404)
    page = await site.html("/decisions/p3")
    assert "from the archive" in page
    assert "Timing" not in page


async def test_a_decision_that_nobody_has_is_one_sentence(site: Site) -> None:
    """And workers that ask each other do not search the archive for each other."""
    sentence = "No worker remembers this decision, and it is not in the archive."

    assert f"<h1>{sentence}</h1>" in await site.html("/decisions/p99", status=404)
    await site.json("/api/v1/decisions/p3?local=1", status=404)


async def test_a_worker_that_does_not_answer_does_not_hide_what_is_in_the_archive(
    serve: Serve, site: Site
) -> None:
    """A decision that is not in the archive may be on that worker."""
    lonely = await serve(FakeWorker(archive=site.worker.archive, peers=["http://127.0.0.1:1"]))

    assert (await lonely.json("/api/v1/decisions/p3"))["archived"]
    answer = await lonely.json("/api/v1/decisions/p99", status=503)
    assert "worker-unavailable" == answer["error"]["code"]


async def test_an_archive_that_does_not_answer_is_waited_for_for_a_limited_time(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page says so and links to the search, where a day can be given."""
    monkeypatch.setattr(resources, "DECISION_SEARCH_S", 0.05)
    site = await serve(FakeWorker(archive_answers=False))
    page = await site.html("/decisions/p3", status=503)

    assert "No worker remembers this decision, and" in page
    assert 'href="/archive"' in page


async def test_a_card_leads_to_its_payments_in_the_archive(serve: Serve, site: Site) -> None:
    """From its page, and from the page that says that nothing is known of it."""
    site.worker.decide(a_decision("t-1"))
    known, unknown = await site.html(f"/cards/{CARD}"), await site.html(f"/cards/{2:032x}", status=404)

    assert f'href="/archive?card={CARD}"' in known
    assert f'href="/archive?card={2:032x}"' in unknown


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("colour=blue", 400),
        ("field=zip_code", 400),
        ("field=amount=4006080197832643x", 400),
        ("field=4006080197832643=1", 400),
        ("field=a=1" + 8 * "&field=a=1", 400),
        ("before=4006080197832643", 400),
        ("since=yesterday", 400),
        ("limit=0", 400),
        ("card=4006080197832643", 404),
    ],
)
async def test_an_invalid_search_is_refused_without_repeating_it(site: Site, query: str, status: int) -> None:
    """Somebody may have typed a card number."""
    answer = await site.json(f"/api/v1/archive?{query}", status)

    assert "4006080197832643" not in answer["error"]["message"]
    assert answer["error"]["message"]


async def test_a_column_that_is_not_there_is_said_with_the_nearest_one(site: Site) -> None:
    """Instead of an empty answer; the form is there to correct it."""
    page = await site.html("/archive?field=amuont%3E1", status=400)

    assert "There is no column amuont in the archive of 2020-02-03; did you mean amount?" in page
    assert '<form class="panel search"' in page
