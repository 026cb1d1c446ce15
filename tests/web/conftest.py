"""Served workers for tests, and a client that looks at them."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, async_playwright

from fraudstream import web
from tests.web.chromium import ARGUMENTS, CHROMIUM, HAS_CHROMIUM, WITHOUT_CHROMIUM
from tests.web.fake_worker import CARD, ELSEWHERE, NOW_MS, FakeWorker, a_decision, serving
from tests.web.served import Serve, Site


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Return a function that serves a worker for the rest of the test."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())

        async def start(worker: FakeWorker | None = None, **options: Any) -> Site:
            worker = worker or FakeWorker()
            return Site(worker, await stack.enter_async_context(serving(worker, **options)), http)

        yield start


@pytest.fixture
async def site(serve: Serve) -> Site:
    """A worker with two alerts on a card, a week and ten minutes of it."""
    worker = FakeWorker(
        activity={CARD: [(NOW_MS - 700_000, 99), (NOW_MS - 3_000, 250), (NOW_MS, 1250)], ELSEWHERE: None},
        weeks={CARD: (12, 58.4, NOW_MS - NOW_MS % 86_400_000)},
    )
    states = (web.PartitionState("transactions", 0, 10, 0), web.PartitionState("transactions", 1, 18, 3))
    worker.health = replace(worker.health, partitions=states)
    earlier = time.time() - 2
    worker.decide(a_decision("t-1"), a_decision("t-2", "review"), at=earlier)
    worker.decide(a_decision("t-3", "block"), a_decision("t-4"), at=earlier)
    return await serve(worker)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's chromium, headless; its absence is a failure where CI is set."""
    assert HAS_CHROMIUM, WITHOUT_CHROMIUM
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        await chromium.close()
