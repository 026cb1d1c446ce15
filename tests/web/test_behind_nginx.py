"""The pages behind the nginx of deploy/nginx: the real one, looked at by the real browser."""

import asyncio
import base64
import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import async_playwright
from yarl import URL

from fraudstream.process.ports import free_port
from fraudstream.web import Front, Login
from fraudstream.web.passwords import ADDRESS_MAX, Passwords
from tests.shared import PATIENCE_S
from tests.web.chromium import ARGUMENTS, CHROMIUM, HAS_CHROMIUM, WITHOUT_CHROMIUM
from tests.web.fake_worker import FakeWorker, a_decision
from tests.web.people import cheap_hash
from tests.web.served import Serve

EXAMPLE = (Path(__file__).parents[2] / "deploy/nginx/fraudstream.conf").read_text()
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
NAME, PASSWORD = "ada", "correct-horse-battery"
USERS = {NAME: cheap_hash(PASSWORD)}

pytestmark = pytest.mark.skipif(
    NGINX is None and not os.environ.get("CI"), reason="needs Debian's nginx: apt-get install nginx-light"
)

Proxied = Callable[[str, str], Awaitable[str]]


def settings_of_the_example() -> Front:
    """Return what the example's first lines say."""
    said = dict(re.findall(r"^#   FRAUDSTREAM_WEB_(\w+)=(\S+)", EXAMPLE, re.MULTILINE))
    return Front.of(said["BASE_PATH"], said["HOSTS"], said["PROXIES"])


@pytest.fixture
async def proxied(tmp_path: Path) -> AsyncIterator[Proxied]:
    """Return a function that runs nginx with an example before a worker and returns its address."""
    assert NGINX is not None, "needs Debian's nginx: apt-get install nginx-light"
    async with AsyncExitStack() as stack:

        async def start(worker: str, example: str) -> str:
            port = free_port("127.0.0.1")
            place = tmp_path / str(port)
            place.mkdir()
            site = example.replace("listen 80;", f"listen 127.0.0.1:{port};")
            (place / "site.conf").write_text(site.replace("127.0.0.1:6066", URL(worker).authority))
            folders = "".join(
                f"{kind}_temp_path {place}/{kind};\n"
                for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
            )
            user = "user root;" if os.getuid() == 0 else ""
            (place / "nginx.conf").write_text(
                f"{user} daemon off; pid {place}/pid; error_log stderr;\n"
                f"events {{}}\nhttp {{ access_log off;\n{folders}include {place}/site.conf;\n}}\n"
            )
            process = await asyncio.create_subprocess_exec(
                str(NGINX), "-p", str(place), "-c", str(place / "nginx.conf"), "-e", "stderr"
            )

            async def stop() -> None:
                process.terminate()
                await process.wait()

            stack.push_async_callback(stop)
            async with asyncio.timeout(PATIENCE_S):
                while process.returncode is None:
                    try:
                        _, writer = await asyncio.open_connection("127.0.0.1", port)
                    except ConnectionRefusedError:
                        await asyncio.sleep(0.05)
                    else:
                        writer.close()
                        return f"http://127.0.0.1:{port}"
            raise AssertionError(f"nginx ended with {process.returncode}")

        yield start


async def log_in(url: str, name: str, password: str, address: str) -> int:
    """Ask nginx for JSON from an address of the loopback network and return the status."""
    connector = aiohttp.TCPConnector(local_addr=(address, 0))
    shown = base64.b64encode(f"{name}:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {shown}", "Host": "pay.example.com"}
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.get(f"{url}/fraud/api/v1/summary", headers=headers) as response,
    ):
        await response.read()
        return response.status


@pytest.mark.skipif(not HAS_CHROMIUM and not os.environ.get("CI"), reason=WITHOUT_CHROMIUM)
@pytest.mark.parametrize("passed_on", [True, False])
async def test_behind_the_example_s_nginx_pages_are_as_ever(serve: Serve, proxied: Proxied, passed_on: bool):
    """A login, style, charts and data, and a click on an alert; whether nginx passes the prefix on or not."""
    worker = FakeWorker()
    worker.decide(a_decision("t-1", "block"))
    site = await serve(worker, login=Login(Passwords(USERS), None), front=settings_of_the_example())
    stripping = EXAMPLE.replace("proxy_pass http://fraudstream;", "proxy_pass http://fraudstream/;")
    url = URL(await proxied(site.url, EXAMPLE if passed_on else stripping))
    async with async_playwright() as playwright:
        origin = f"http://pay.example.com:{url.port}"
        arguments = [
            *ARGUMENTS,
            "--host-resolver-rules=MAP pay.example.com 127.0.0.1",
            f"--unsafely-treat-insecure-origin-as-secure={origin}",  # as if with TLS
        ]
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = await chromium.new_page(http_credentials={"username": NAME, "password": PASSWORD})
        failed: list[str] = []
        page.on("console", lambda message: failed.append(message.text))
        page.on("response", lambda one: failed.append(one.url) if one.status not in (200, 301, 401) else None)
        await page.goto(f"{origin}/fraud")
        await page.wait_for_selector("#latency-chart canvas")
        await page.wait_for_selector("#alerts tr a.card")
        dashboard = (
            page.url,
            await page.inner_text("#health"),
            await page.evaluate("document.styleSheets.length"),
        )
        await page.click("#alerts tr a")
        await page.wait_for_load_state()
        decision = (URL(page.url).path, "Blocked" in await page.inner_text("main"))
        await chromium.close()

    assert (f"{origin}/fraud/", "ok", 2) == dashboard
    assert ("/fraud/decisions/t-1", True) == decision
    assert [] == [line for line in failed if "401" not in line]


async def test_limits_go_by_the_client_s_address_and_not_by_nginx_s(serve: Serve, proxied: Proxied):
    """A client that uses up the guesses of its address does not lock out another address, provided that nginx is trusted."""
    told, untold = settings_of_the_example(), Front.of("/fraud", "pay.example.com", "")
    answers = {}
    for front in (told, untold):
        site = await serve(FakeWorker(), login=Login(Passwords(USERS), None), front=front)
        url = await proxied(site.url, EXAMPLE)
        guesses = [
            asyncio.create_task(log_in(url, f"nobody{number}", "guess", "127.0.0.3"))
            for number in range(ADDRESS_MAX + 12)
        ]
        await asyncio.wait(guesses, return_when=asyncio.FIRST_COMPLETED)
        answers[front] = await log_in(url, NAME, PASSWORD, "127.0.0.2")
        statuses = await asyncio.gather(*guesses)
        assert {401, 429} == set(statuses)

    assert {told: 200, untold: 429} == answers
