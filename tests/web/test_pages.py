"""The pages as HTML: what they say and what protects them."""

import re
import tomllib
from pathlib import Path

import aiohttp
import faust
import pytest

from fraudstream import web
from fraudstream.monitor.observing import peer_urls
from fraudstream.web import formatting
from tests.web.fake_worker import CARD, FakeWorker, a_decision
from tests.web.served import Serve, Site

ROOT = Path(__file__).parents[2]
PAGES = ["/", "/alerts", f"/cards/{CARD}", "/decisions/t-3", "/health"]


@pytest.mark.parametrize("path", [*PAGES, "/api/v1/summary", "/metrics", "/nothing", "/static/style.css"])
async def test_every_answer_is_hardened(site: Site, path: str):
    """Scripts and styles only from here, nothing inline, nothing stored, no sniffing."""
    async with site.http.get(site.url + path) as response:
        await response.read()
        policy = response.headers["Content-Security-Policy"]

        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "nosniff" == response.headers["X-Content-Type-Options"]
        assert ("no-cache" if path.startswith("/static/") else "no-store") == response.headers[
            "Cache-Control"
        ]
        assert "fraudstream" == response.headers["Server"]


@pytest.mark.parametrize("path", PAGES)
async def test_pages_hold_nothing_inline_and_nothing_from_elsewhere(site: Site, path: str):
    """What the policy forbids would be dead code."""
    page = await site.html(path)

    assert " style=" not in page
    assert "<style" not in page
    assert "<script>" not in page
    assert " on" not in "".join(part.split(">")[0].replace(" only", "") for part in page.split("<button")[1:])
    assert 'src="http' not in page
    assert "<html lang=" in page


async def test_the_decision_page_shows_how_it_was_decided(site: Site):
    """Outcome, probability, reasons, rules, features, timing and versions."""
    page = await site.html("/decisions/t-3")

    for words_of_it in (
        "Blocked: a payment of 12.50 with card ending 2643. The model sees a 93.4 % chance of fraud.",
        "<dt>Insight score</dt><dd>995</dd>",
        "4 payments within one minute",
        "Ten-minute mean amount",
        "Score and rules",
        "card-20200601",
        "default-1",
        f"/cards/{CARD}",
    ):
        assert words_of_it in page


async def test_every_page_and_the_health_say_which_release_decides(serve: Serve) -> None:
    """And which decides a share of the entities; as of now, because releases are switched while a worker runs."""
    worker = FakeWorker()
    site = await serve(worker)
    before = await site.html("/")
    worker.versions.release, worker.versions.canary = "card-7", "card-8"

    page, versions = await site.html("/"), (await site.json("/api/v1/summary"))["versions"]

    assert "release card" not in before
    assert "<span>release card-7</span>" in page
    assert "<span>canary card-8</span>" in page
    assert ("card-7", "card-8") == (versions["release"], versions["canary"])


@pytest.mark.parametrize(
    ("entity", "last4", "owner"),
    [("account", "2643", "account ending 2643"), ("entity", None, f"entity {CARD[:8]}")],
)
async def test_pages_call_an_entity_what_it_is(serve: Serve, entity: str, last4: str | None, owner: str):
    """An account is no card, not in a heading, a table, a sentence or an error."""
    worker = FakeWorker(entity=entity)
    worker.decide(a_decision("t", "block", card_last4=last4))
    site = await serve(worker)
    dashboard, page, decision = [await site.html(path) for path in ("/", f"/cards/{CARD}", "/decisions/t")]
    unknown = await site.html(f"/cards/{'0' * 32}", status=404)

    assert f'<th scope="col">{entity.capitalize()}</th>' in dashboard
    assert f'aria-label="{owner.capitalize()}"' in dashboard
    assert f"<h1>{owner.capitalize()}" in page
    assert f"The worker's state holds no recent payments of this {entity}." in page
    assert f"of 12.50 with {owner}." in decision
    assert f"There are no recent payments of that {entity}" in unknown


async def test_a_degraded_decision_says_what_was_missing(serve: Serve):
    """In words instead of codes; an unknown reason is shown as it is."""
    worker = FakeWorker()
    worker.decide(a_decision("t", degraded=["late", "meteor"]))
    page = await (await serve(worker)).html("/decisions/t")

    assert formatting.degraded("late") in page
    assert "meteor" in page


async def test_what_comes_from_outside_is_escaped(serve: Serve):
    """Transaction ids and reasons may hold anything."""
    worker = FakeWorker()
    worker.decide(a_decision("<script>alert(1)</script>", "block", reasons=['<img src=x onerror="x">']))
    site = await serve(worker)

    for page in (await site.html("/alerts"), await site.html("/"), await site.html(f"/cards/{CARD}")):
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;img src=x" in page


async def test_a_page_that_is_not_there_says_so_in_words(site: Site):
    """An HTML page for people; the headline is the sentence, not a number."""
    page = await site.html("/nothing", status=404)

    assert "<h1>There is no such page.</h1>" in page
    assert "404" not in page


async def test_a_page_that_fails_does_not_show_why(serve: Serve, caplog: pytest.LogCaptureFixture):
    """The log does; the worker lives on."""
    worker = FakeWorker(weeks={CARD: (1, 2.0)})  # type: ignore[dict-item]
    site = await serve(worker)
    answer = await site.json(f"/api/v1/cards/{CARD}", status=500)

    assert "internal-error" == answer["error"]["code"]
    assert "a page failed" in caplog.text
    await site.json("/health")


async def test_other_host_names_are_refused_on_loopback(site: Site):
    """A web page elsewhere must not read this one by pointing its own name at 127.0.0.1."""
    for host, status in {"evil.example": 421, "localhost:6066": 200, "[::1]": 200, "": 421}.items():
        async with site.http.get(f"{site.url}/api/v1/health", headers={"Host": host}) as response:
            assert status == response.status


async def test_faust_s_own_pages_are_off_unless_asked_for(serve: Serve):
    """They show table contents and proxy requests."""
    closed, open_ = await serve(), await serve(FakeWorker(), builtin_pages=True)

    async with (
        closed.http.get(f"{closed.url}/table/") as refused,
        open_.http.get(f"{open_.url}/table/") as given,
    ):
        assert 404 == refused.status
        assert 200 == given.status
    assert "<h1" in await open_.html("/")


async def test_the_metrics_page_is_what_prometheus_reads(site: Site):
    """Type, names and versions."""
    async with site.http.get(f"{site.url}/metrics") as response:
        text = await response.text()

        assert "text/plain" == response.content_type
        assert 'fraudstream_payments_total{outcome="approve"} 2.0' in text
        assert 'model_version="card-20200601"' in text


async def test_a_head_request_is_answered(site: Site):
    """Load balancers like it."""
    async with site.http.head(f"{site.url}/health") as response:
        assert 200 == response.status


async def test_peers_come_from_faust_s_assignment_without_ourselves():
    """Only URLs of the web; our own is left out."""
    app = faust.App("peers", broker="kafka://127.0.0.1:1", store="memory://", canonical_url="http://one:6066")
    app.assignor.changelog_distribution = {"http://one:6066": {"log": [0]}, "http://two:6066/": {"log": [1]}}
    app.assignor.external_topic_distribution = {
        "http://three:6066": {"t": [2]},
        "file:///etc/passwd": {"t": [3]},
    }

    assert ["http://three:6066", "http://two:6066"] == peer_urls(app)


async def test_static_files_do_not_leave_their_directory(site: Site):
    """Nor list it."""
    for path in ("/static/", "/static/../mount.py", "/static/%2e%2e/mount.py", "/static/vendor/"):
        async with site.http.get(aiohttp.client.URL(site.url + path, encoded=True)) as response:
            assert response.status in (403, 404)


def test_the_package_exports_what_the_worker_needs():
    """One import for the wiring."""
    assert {
        "Front",
        "Health",
        "Limits",
        "Login",
        "PartitionState",
        "Versions",
        "Views",
        "attach",
    } == set(web.__all__)


def test_every_file_of_the_pages_is_packaged():
    """A wheel without a template or a licence would only be missed in production."""
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["*"]
    files = [
        path
        for path in (ROOT / "fraudstream/web").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    left_out = {
        path.name for path in files if not any(path.match(pattern) for pattern in [*patterns, "*.py"])
    }

    assert len(files) > 20
    assert set() == left_out


def test_the_vendored_chart_library_names_its_version_and_licence():
    """What was copied can be found again."""
    vendored = ROOT / "fraudstream/web/static/vendor/uplot"
    version = re.search(
        r"uPlot \(v([\d.]+)\)|uPlot/?.*?v([\d.]+)", (vendored / "uPlot.iife.min.js").read_text()[:200]
    )

    assert version is not None
    assert (version[1] or version[2]) in (vendored / "README.md").read_text()
    assert "MIT License" in (vendored / "LICENSE").read_text()
