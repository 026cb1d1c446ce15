"""How long the console's pages take, asked of a process of its own, and what axe finds in them."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright
from sqlalchemy import Engine

from benchmarks.children import Child, running
from benchmarks.lone_worker import LoneWorker
from benchmarks.prepared import FRAUDSTREAM
from fraudstream.adapters.database.people import People
from fraudstream.adapters.database.sessions import Sessions
from fraudstream.console.rooms import ROOMS
from fraudstream.domain.people import Role
from fraudstream.process.ports import free_port
from tests.web.chromium import ARGUMENTS, CHROMIUM, COLOURS, SERIOUS, WIDTHS_PX

START_S = 60.0
PAGE_TIMEOUT_S = 60.0
COOKIE = "fraudstream"


@dataclass(frozen=True)
class Running:
    """A console that runs, and somebody who is logged in."""

    child: Child
    url: str
    secret: str

    def client(self) -> httpx.Client:
        """Return a client with the person's cookie."""
        return httpx.Client(base_url=self.url, cookies={COOKIE: self.secret}, timeout=PAGE_TIMEOUT_S)


@contextmanager
def console(worker: LoneWorker, engine: Engine, log: Path, name: str = "bench") -> Iterator[Running]:
    """Run a process of the console on a database; yield it once it answers."""
    user = People(engine).create("bench", name, Role.ADMIN)
    secret = Sessions(engine).begin(user.id, user.name, 12, "bench")
    port = free_port("127.0.0.1")
    database = {"FRAUDSTREAM_DATABASE": engine.url.render_as_string(hide_password=False)}
    command = [*FRAUDSTREAM, "console", "--port", str(port), "--log-level", "warning"]
    with running("the console", command, log, worker.environment | database) as child:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + START_S
        while True:
            child.check()
            try:
                httpx.get(f"{url}/login", timeout=5)
                break
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        yield Running(child, url, secret)


def page_ms(asked: Running, case_ids: Sequence[str], each: int) -> dict[str, list[float]]:
    """Ask for every room and for cases in turns; return what each took, in ms. A page that fails is an error."""
    took: dict[str, list[float]] = {}
    with asked.client() as client:
        for number in range(each):
            paths = {room.path: room.path for room in ROOMS if room.label}
            paths |= {"/cases/{id}": f"/cases/{case_ids[number % len(case_ids)]}"}
            for name, path in paths.items():
                began = time.perf_counter()
                client.get(path).raise_for_status()
                took.setdefault(name, []).append((time.perf_counter() - began) * 1000)
    return took


def p95(took: Sequence[float]) -> float:
    """Return the 95th percentile."""
    return round(float(np.percentile(np.array(took), 95)), 1)


def axe_serious(asked: Running, case_id: str) -> int:
    """Return how many serious or critical findings axe has in all rooms and a case, wide and narrow, light and dark."""
    found = 0
    paths = [*(room.path for room in ROOMS if room.label), f"/cases/{case_id}"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for width in WIDTHS_PX:
            for colours in COLOURS:
                context = browser.new_context(
                    viewport={"width": width, "height": 900},
                    color_scheme=colours,  # type: ignore[arg-type]
                )
                context.add_cookies([{"name": COOKIE, "value": asked.secret, "url": asked.url}])
                page = context.new_page()
                for path in paths:
                    page.goto(asked.url + path)
                    violations = Axe().run(page).response["violations"]
                    found += sum(len(each["nodes"]) for each in violations if each["impact"] in SERIOUS)
                context.close()
        browser.close()
    return found
