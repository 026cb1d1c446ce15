"""A process of the API, and requests to it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import httpx

from fraudstream.process.ports import free_port
from fraudstream.settings import Settings
from tests.end_to_end.harness import Worker

START_S = 60.0


@asynccontextmanager
async def serving(settings: Settings, **changed: object) -> AsyncIterator[httpx.AsyncClient]:
    """Run `fraudstream api` as its own process; yield a client of it."""
    given = {"api_without_keys": True, "api_deadline_ms": 30_000, "web": True} | changed
    own = settings.model_copy(update={"api_port": free_port("127.0.0.1"), **given})
    with Worker(own, ("-m", "fraudstream", "api")) as process:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{own.api_port}", timeout=60) as client:
            await answering(client, process)
            yield client


async def answering(client: httpx.AsyncClient, process: Worker) -> None:
    """Wait until the API is well."""
    async with asyncio.timeout(START_S):
        for _ in count():
            assert process.process is not None
            assert process.process.poll() is None, process.log
            with contextlib.suppress(httpx.TransportError):
                if (await client.get("/health")).status_code == 200:
                    return
            await asyncio.sleep(0.1)
