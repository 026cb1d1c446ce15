"""Slow, idle and numerous clients: over real sockets."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from yarl import URL

from fraudstream.monitor.recent import Page, RecentDecisions
from fraudstream.web import Limits
from fraudstream.web.pace import SHARE
from tests.web.fake_worker import CARD, FakeWorker, a_decision
from tests.web.served import Serve, Site

FIRST = Limits(first_request_s=1.0, between_requests_s=60.0)
SHORT = Limits(first_request_s=1.0, between_requests_s=1.5, body_s=0.5)
ASK = b"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n"
FLOOD = """
import socket, sys, threading, time
def ask():
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as one:
        while True:
            one.sendall(b"GET /alerts?limit=200 HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
            if not one.recv(1 << 20):
                break
for _ in range(20):
    threading.Thread(target=ask, daemon=True).start()
print("asking", flush=True)
sys.stdin.read()
"""


class Wire:
    """A connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, site: Site, address: str = "127.0.0.1") -> "Wire":
        """Connect from an address of the loopback network."""
        url = URL(site.url)
        return cls(*await asyncio.open_connection(url.host, url.port, local_addr=(address, 0)))

    async def ended(self) -> bytes:
        """Return what comes until the other side ends it."""
        try:
            return await asyncio.wait_for(self.reader.read(), 15)
        except ConnectionResetError:
            return b""

    async def status(self) -> int:
        """Ask for the health and return the status, 0 if there is no answer."""
        try:
            self.writer.write(ASK + b"\r\n")
            head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 15)
        except (ConnectionError, asyncio.IncompleteReadError):
            return 0
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        await self.reader.readexactly(int(length.partition(b":")[2]))
        return int(head.split()[1])


async def drip(wire: Wire, piece: bytes) -> None:
    """Send a piece every tenth of a second until the connection is found ended."""
    while not wire.writer.is_closing():
        wire.writer.write(piece)
        await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("limits", "begin", "piece"),
    [
        (FIRST, b"", b""),
        (FIRST, ASK, b""),
        (FIRST, ASK, b"X-More: x\r\n"),
        (FIRST, b"GET /", b"a"),
        (SHORT, ASK + b"\r\n", b""),
        (SHORT, ASK + b"\r\n" + ASK, b"X-More: x\r\n"),
        (SHORT, b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n", b"body"),
        (SHORT, b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    ],
    ids=[
        "silent",
        "head",
        "slow head",
        "slow address",
        "idle",
        "slow second head",
        "slow body",
        "slow chunks",
    ],
)
async def test_the_connection_of_a_client_that_makes_no_progress_is_ended(
    serve: Serve, limits: Limits, begin: bytes, piece: bytes
):
    """Whether it sends nothing, never ends its request, or keeps an unused connection."""
    site = await serve(FakeWorker(), limits=limits)
    wire = await Wire.to(site)
    wire.writer.write(begin)
    dripping = asyncio.create_task(drip(wire, piece))
    await wire.ended()
    dripping.cancel()

    assert 200 == await (await Wire.to(site)).status()


async def test_the_connection_of_a_client_that_does_not_read_is_ended(serve: Serve):
    """Answers pile up in the socket, then in the worker: until the time is over."""
    worker = FakeWorker()
    worker.decide(*(a_decision(f"t-{number}", "block") for number in range(200)))
    site = await serve(worker, limits=SHORT)
    wire = await Wire.to(site)
    wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
    wire.writer.write((b"GET /api/v1/alerts?limit=200 HTTP/1.1\r\nHost: localhost\r\n\r\n") * 100)

    async with asyncio.timeout(60):
        await drip(wire, ASK + b"\r\n")


async def test_an_answer_that_takes_too_long_is_given_up(serve: Serve):
    """Whatever it waits for."""

    @dataclass
    class Stuck(FakeWorker):
        async def _weekly(self, card: str) -> tuple[int, float, int] | None:
            await asyncio.Event().wait()
            return None

    site = await serve(Stuck(), limits=Limits(answer_s=0.5))
    wire = await Wire.to(site)
    wire.writer.write(ASK.replace(b"health", f"cards/{CARD}".encode()) + b"\r\n")

    assert b"" == await wire.ended()


async def test_the_address_with_most_connections_loses_one(serve: Serve):
    """30 idle connections of one address neither lock out another one nor end a connection that is used."""
    site = await serve(FakeWorker(), limits=Limits(connections=10))
    user = await Wire.to(site, "127.0.0.2")
    before = await user.status()
    crowd = [await Wire.to(site, "127.0.0.3") for _ in range(30)]
    others = [await Wire.to(site, f"127.0.0.{number}") for number in range(4, 7)]

    assert 200 == before
    assert [200] * 4 == [await one.status() for one in (user, *others)]
    assert 6 == [await one.status() for one in crowd].count(200)


class Counted(RecentDecisions):
    """Counts how often it was asked for a page of alerts."""

    pages = 0

    def alerts_page(self, limit: int, before: int | None = None) -> Page:
        """Count and answer."""
        self.pages += 1
        return super().alerts_page(limit, before)


@pytest.fixture
async def flooded(serve: Serve) -> AsyncIterator[Site]:
    """A worker that 20 connections of another process ask for its largest page without a pause."""
    worker = FakeWorker(recent=Counted())
    worker.decide(*(a_decision(f"t-{number}", "block") for number in range(200)))
    site = await serve(worker)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        FLOOD,
        str(URL(site.url).port),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    await process.stdout.readline()
    yield site
    process.stdin.close()
    await process.wait()


async def test_a_flood_of_requests_leaves_the_loop_to_the_payments(flooded: Site):
    """Pages get their share of the loop's processor time; without a limit they had 96 % of it."""
    payments_s, started_s = 0.0, time.thread_time()
    until_s = time.monotonic() + 3
    while time.monotonic() < until_s:
        step_s = time.thread_time()
        sum(range(20_000))
        payments_s += time.thread_time() - step_s
        await asyncio.sleep(0)
    pages_share = 1 - payments_s / (time.thread_time() - started_s)

    assert SHARE / 10 < pages_share < 0.5


async def test_in_a_flood_others_are_answered(flooded: Site):
    """A probe takes turns with the flood's address, so it waits for a few of its answers at most."""
    recent = flooded.worker.recent
    assert isinstance(recent, Counted)
    connector = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
    async with aiohttp.ClientSession(connector=connector) as http:
        waited_for: list[int] = []
        while recent.pages < 30:
            before = recent.pages
            async with http.get(f"{flooded.url}/health") as response:
                assert 200 == response.status
            waited_for.append(recent.pages - before)

    assert max(waited_for[1:]) <= 5
