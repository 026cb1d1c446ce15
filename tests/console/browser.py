"""A console in Debian's chromium: what a page looks like, and whether everybody can use it.

    async def test_the_page(browser_page, console):
        seen = browser_page(console, "analyst")
        await seen.is_sound("/cases")            # four times: wide and narrow, light and dark

With SCREENSHOTS=<directory> every look is kept there as a PNG file.
"""

import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright

from fraudstream.console.app import Console
from fraudstream.process.ports import bound_to_a_free_port
from tests.console.visiting import Visitor, visitor
from tests.shared import PATIENCE_S
from tests.web.chromium import (
    ARGUMENTS,
    CHROMIUM,
    COLOURS,
    HAS_CHROMIUM,
    NEEDS_CHROMIUM,
    SERIOUS,
    WIDTHS_PX,
    WITHOUT_CHROMIUM,
)

__all__ = ["NEEDS_CHROMIUM", "BrowserPage", "Looking", "browser_page", "chromium"]

WIDER = """
[...document.querySelectorAll("html, header, main, main > *")]
  .filter((node) => node.getBoundingClientRect().right > document.documentElement.clientWidth + 1
    || (node === document.documentElement && node.scrollWidth > node.clientWidth))
  .map((node) => `${node.tagName}.${node.className}`)
"""


@dataclass
class Looking:
    """Somebody logged in, with a browser."""

    browser: Browser
    url: str
    visitor: Visitor
    complaints: list[str] = field(default_factory=list)
    """What the browser's console has said."""

    async def look(self, path: str, width_px: int = 1400, colours: str = "light") -> Page:
        """Open a page in a window of its own."""
        context = await self.browser.new_context(
            viewport={"width": width_px, "height": 900},
            color_scheme=colours,  # type: ignore[arg-type]
        )
        name, secret = self.visitor.console.access.cookie, self.visitor.secret
        if secret:
            await context.add_cookies([{"name": name, "value": secret, "url": self.url}])
        page = await context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        await page.goto(self.url + path)
        await page.wait_for_load_state()
        return page

    async def is_sound(self, path: str, name: str = "", until: str = "") -> None:
        """Look at a page wide and narrow, light and dark: axe finds nothing serious, nothing is cut off, the browser has no complaints.

        `name`: of the screenshots; by default the path. `until`: a selector of what the page loads afterwards.
        """
        for width_px in WIDTHS_PX:
            for colours in COLOURS:
                page = await self.look(path, width_px, colours)
                if until:
                    await page.wait_for_selector(until)
                await self.keep(page, f"{name or path}-{width_px}-{colours}")
                await no_serious(page)
                assert [] == await page.evaluate(WIDER), f"{path} at {width_px} px"
                await page.context.close()
        assert [] == self.complaints

    async def keep(self, page: Page, name: str) -> None:
        """Keep a screenshot if somebody wants one."""
        if directory := os.environ.get("SCREENSHOTS"):
            file = name.strip("/").replace("/", "-") or "start"
            await page.screenshot(path=Path(directory) / f"{file}.png", full_page=True)


async def no_serious(page: Page) -> None:
    """Fail if axe finds something serious on a page as it is now."""
    found = (await Axe().run(page)).response["violations"]
    serious = [
        f"{each['id']}: {each['help']}: {node['html'][:200]}"
        for each in found
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]
    assert [] == serious, serious


@contextmanager
def served(console: Console) -> Iterator[str]:
    """Serve a console's pages from a thread; yield its URL. Nothing beside the pages runs."""
    bound = bound_to_a_free_port("127.0.0.1")
    server = uvicorn.Server(uvicorn.Config(console.app, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not server.started:
            assert time.monotonic() < deadline, "the console does not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        bound.close()


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    """Debian's chromium, headless; its absence is a failure where CI is set."""
    assert HAS_CHROMIUM, WITHOUT_CHROMIUM
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        await found.close()


BrowserPage = Callable[..., Looking]


@pytest.fixture
async def browser_page(chromium: Browser) -> AsyncIterator[BrowserPage]:
    """Return a function that serves a console and returns somebody with a role, or a `Visitor`, who looks at it."""
    async with AsyncExitStack() as stack:

        def begin(console: Console, who: str | Visitor) -> Looking:
            url = stack.enter_context(served(console))
            return Looking(chromium, url, visitor(console, who) if isinstance(who, str) else who)

        yield begin
