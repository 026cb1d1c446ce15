"""Prefix, host names and proxies: what counts and what does not, over real HTTP."""

import re
from collections.abc import Mapping

import aiohttp
import pytest

from fraudstream.settings import Settings
from fraudstream.web import Front
from tests.web.fake_worker import CARD, FakeWorker, a_decision
from tests.web.served import Serve, Site

FRAUD = Front.of("/fraud", "pay.example.com, fraud", "127.0.0.2, 10.0.0.0/8")


async def get(
    site: Site, path: str, headers: Mapping[str, str] | None = None, address: str = "127.0.0.1"
) -> tuple[int, str]:
    """GET from an address and return status and text."""
    connector = aiohttp.TCPConnector(local_addr=(address, 0))
    shown = {"Accept": "text/html", **(headers or {})}
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.get(site.url + path, headers=shown, allow_redirects=False) as response,
    ):
        return response.status, await response.text()


@pytest.mark.parametrize(
    "page", ["/", "/alerts", "/archive", "/health", f"/cards/{CARD}", "/decisions/t-1", "/x"]
)
async def test_every_link_of_every_page_begins_with_the_prefix(serve: Serve, page: str):
    """And leads somewhere, whether the proxy passes the prefix on or not."""
    worker = FakeWorker(activity={CARD: [(1, 100)]})
    worker.decide(a_decision("t-1", "block"))
    site = await serve(worker, front=FRAUD)
    _, with_prefix = await get(site, f"/fraud{page}")
    _, without = await get(site, page)
    links = re.findall(r'(?:href|src|action)="(/[^"]*)"', with_prefix)

    assert links == re.findall(r'(?:href|src|action)="(/[^"]*)"', without)
    assert 5 <= len(links)
    assert [] == [link for link in links if not link.startswith("/fraud/")]
    for link in {link.split("?")[0].replace("&amp;", "&") for link in links}:
        assert (await get(site, link))[0] in (200, 503), link


async def test_json_metrics_and_probes_are_below_the_prefix_and_at_the_root(serve: Serve):
    """Other workers and probes go round the proxy."""
    site = await serve(front=FRAUD)
    for path in ("/api/v1/summary", "/metrics", "/health", "/static/common.js"):
        assert 200 == (await get(site, f"/fraud{path}"))[0] == (await get(site, path))[0]
    assert 200 == (await get(site, "/fraud"))[0] == (await get(site, "/fraud/?seconds=60"))[0]
    assert 404 == (await get(site, "/fraudster/health"))[0] == (await get(site, "/fraud/fraud/health"))[0]


async def test_what_a_user_wrote_is_never_taken_for_a_link(serve: Serve):
    """Text of a payment stays as it is."""
    written = '<a href="/alerts"> href="/x'
    worker = FakeWorker()
    worker.decide(a_decision("t-1", "block", variables={"merchant": written, "zip_code": None}))
    site = await serve(worker, front=FRAUD)
    _, page = await get(site, "/fraud/decisions/t-1")

    assert "&lt;a href=&#34;/alerts&#34;&gt; href=&#34;/x" in page


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("pay.example.com", 200),
        ("PAY.example.com:443", 200),
        ("fraud", 200),
        ("localhost", 200),
        ("evil", 421),
    ],
)
async def test_host_names_are_answered_by_setting(serve: Serve, host: str, status: int):
    """A proxy may pass its own on; without the setting only this machine's names are answered."""
    site, closed = await serve(front=FRAUD), await serve()

    assert status == (await get(site, "/health", {"Host": host}))[0]
    assert (200 if host == "localhost" else 421) == (await get(closed, "/health", {"Host": host}))[0]


async def test_headers_of_trusted_proxies_count_and_those_of_others_do_not(serve: Serve):
    """Host and prefix; a prefix that is none is left out."""
    site = await serve(front=FRAUD)
    says = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Prefix": "/other"}
    prefix = {"X-Forwarded-Prefix": "/other/"}

    assert 200 == (await get(site, "/health", says))[0]
    assert 421 == (await get(site, "/health", says, "127.0.0.2"))[0]
    assert 'href="/fraud/alerts"' in (await get(site, "/", prefix))[1]
    assert 'href="/other/alerts"' in (await get(site, "/", prefix, "127.0.0.2"))[1]
    assert 'href="/other/alerts"' in (await get(site, "/other/alerts", prefix, "127.0.0.2"))[1]
    for wrong in ('/"><script>', "//evil.example", "javascript:x", "/a b"):
        page = (await get(site, "/", {"X-Forwarded-Prefix": wrong}, "127.0.0.2"))[1]
        assert 'href="/fraud/alerts"' in page


@pytest.mark.parametrize(
    ("peer", "said", "address"),
    [
        ("127.0.0.2", "198.51.100.7", "198.51.100.7"),
        ("127.0.0.2", "1.1.1.1, 198.51.100.7, 10.1.2.3", "198.51.100.7"),
        ("127.0.0.2", "198.51.100.7:4711", "198.51.100.7"),
        ("127.0.0.2", "[2001:db8::7]:4711", "2001:db8::/64"),
        ("127.0.0.2", "", "127.0.0.2"),
        ("127.0.0.2", "10.0.0.1", "10.0.0.1"),
        ("127.0.0.2", "nonsense", "unknown"),
        ("::ffff:10.0.0.9", "198.51.100.7", "198.51.100.7"),
        ("198.51.100.1", "198.51.100.7", "198.51.100.1"),
    ],
)
def test_the_client_is_the_last_who_is_no_proxy_of_ours(peer: str, said: str, address: str):
    """The entries before it were written by the client itself."""
    assert address == FRAUD.seen(peer, {"X-Forwarded-For": said}).address


async def test_bound_to_more_than_loopback_names_are_checked_if_they_are_set(serve: Serve):
    """IP addresses are always answered: DNS cannot redirect them, and probes use them."""
    site, any_name = await serve(front=FRAUD, bind="0.0.0.0"), await serve(bind="0.0.0.0")
    answers = [(await get(site, "/health", {"Host": host}))[0] for host in ("evil", "10.0.0.7:6066", "fraud")]

    assert [421, 200, 200] == answers
    assert 200 == (await get(any_name, "/health", {"Host": "evil"}))[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEB_BASE_PATH", "fraud"),
        ("WEB_BASE_PATH", "/fraud/"),
        ("WEB_BASE_PATH", "/"),
        ("WEB_BASE_PATH", '/a"b'),
        ("WEB_HOSTS", "https://pay.example.com"),
        ("WEB_HOSTS", "pay.example.com:443"),
        ("WEB_PROXIES", "nginx"),
        ("WEB_PROXIES", "10.0.0.1/8"),
    ],
)
def test_an_invalid_setting_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str):
    """With an example of a right one."""
    monkeypatch.setenv(f"FRAUDSTREAM_{name}", value)
    with pytest.raises(ValueError, match=name.lower()):
        Settings(_env_file=None)
