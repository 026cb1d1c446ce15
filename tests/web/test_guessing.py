"""Clients that guess passwords, from several addresses: over real HTTP, with real scrypt."""

import asyncio
import base64
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import aiohttp
import pytest

from fraudstream.adapters.secrets.password_files import password_fits
from fraudstream.web import Login, passwords
from fraudstream.web.passwords import Passwords
from fraudstream.web.turns import Crowded
from tests.shared import PATIENCE_S
from tests.web.fake_worker import FakeWorker
from tests.web.people import cheap_hash
from tests.web.served import Serve, Site

PASSWORD = "correct-hörse-battery: staple"
HASHES = {name: cheap_hash(PASSWORD) for name in ("ada", "bob")}

Client = Callable[..., aiohttp.ClientSession]


class Checked:
    """Scrypt, and which passwords it was asked about."""

    def __init__(self) -> None:
        self.guesses: list[str] = []
        self.asked = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def __call__(self, password: str, hashed: str) -> bool:
        """Check for real, in the thread it is called in."""
        self.guesses.append(password)
        self._loop.call_soon_threadsafe(self.asked.set)
        return password_fits(password, hashed)


class Noting(Passwords):
    """Notes how many passwords had been checked when the right one arrived."""

    def __init__(self, checked: Checked) -> None:
        super().__init__(HASHES, checked)
        self._checked = checked
        self.before = 0

    async def fit(self, name: str, password: str, address: str) -> bool:
        """Note it, and check."""
        if password == PASSWORD:
            self.before = len(self._checked.guesses)
        return await super().fit(name, password, address)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """Return a function that makes an HTTP client at an address of the loopback network."""
    async with AsyncExitStack() as stack:
        made: list[aiohttp.ClientSession] = []

        def make(address: str = "127.0.0.1") -> aiohttp.ClientSession:
            connector = aiohttp.TCPConnector(local_addr=(address, 0), limit=0)
            made.append(aiohttp.ClientSession(connector=connector))
            stack.push_async_callback(made[-1].close)
            return made[-1]

        yield make


async def log_in(http: aiohttp.ClientSession, site: Site, name: str, password: str) -> int:
    """Ask for a page and return the status."""
    shown = base64.b64encode(f"{name}:{password}".encode()).decode()
    async with http.get(f"{site.url}/api/v1/health", headers={"Authorization": f"Basic {shown}"}) as response:
        await response.read()
        return response.status


@contextlib.asynccontextmanager
async def guessing(
    http: aiohttp.ClientSession, site: Site, names: list[str], times: int = 10_000
) -> AsyncIterator[list[int]]:
    """Guess at names as fast as answers come while the block runs; what is yielded fills with the answers."""
    answers: list[int] = []

    async def guess(name: str) -> None:
        for number in range(times):
            answer = await log_in(http, site, name, f"guess {number}")
            answers.append(answer)

    tasks = [asyncio.create_task(guess(name)) for name in names]
    await asyncio.sleep(0.2)
    yield answers
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_guesses_for_made_up_names_lock_out_no_user(serve: Serve, client: Client):
    """24 clients at the user's own address: the user gets in at once, also the first time, and scrypt runs for no other name."""
    checked = Checked()
    site = await serve(FakeWorker(), login=Login(Passwords(HASHES, checked), None))
    user = client()
    async with guessing(client(), site, [f"nobody{number}" for number in range(24)]) as guesses:
        answers = [await log_in(user, site, "ada", PASSWORD) for _ in range(30)]
        guesses.append(await log_in(client(), site, "nobody24", PASSWORD))

    assert [200] * 30 == answers
    assert {401} == set(guesses)
    assert [PASSWORD] == checked.guesses


async def test_guesses_for_a_name_do_not_lock_out_a_user_who_logged_in_from_the_same_address_before(
    serve: Serve, client: Client
):
    """Neither from elsewhere nor from the same address."""
    site = await serve(FakeWorker(), login=Login(Passwords(HASHES), None))
    user = client("127.0.0.2")
    first = await log_in(user, site, "ada", PASSWORD)
    async with (
        guessing(client("127.0.0.3"), site, ["ada"] * 24),
        guessing(client("127.0.0.2"), site, ["ada"] * 8, times=5),
    ):
        answers = [await log_in(user, site, "ada", PASSWORD) for _ in range(30)]

    assert [200] * 31 == [first, *answers]


async def test_the_first_login_waits_for_at_most_one_guess_of_each_address(serve: Serve, client: Client):
    """Many guesses of one address for the same name are one turn."""
    checked = Checked()
    judge = Noting(checked)
    site = await serve(FakeWorker(), login=Login(judge, None))
    async with guessing(client("127.0.0.3"), site, ["ada"] * 8):
        await checked.asked.wait()
        answer = await log_in(client("127.0.0.2"), site, "ada", PASSWORD)

    assert 200 == answer
    assert (
        checked.guesses[judge.before :].index(PASSWORD) <= 2
    )  # whose turn it was, and who had waited longer


async def test_guessing_is_no_faster_for_a_name_that_logged_in_from_another_address():
    """Also for a client that does not wait for the answer: a right password gets in at once only from an address where it was right before."""
    judge = Passwords(HASHES)
    await judge.fit("ada", PASSWORD, "10.0.0.1")
    started_s = time.monotonic()
    for number in range(3):
        guess = asyncio.create_task(judge.fit("ada", f"guess {number}", "10.0.0.2"))
        await asyncio.sleep(0.05)
        guess.cancel()
        await asyncio.wait([guess])

    assert await judge.fit("ada", PASSWORD, "10.0.0.2")
    assert passwords.WRONG_S <= time.monotonic() - started_s


async def test_guessing_from_an_address_where_a_name_logged_in_is_limited_too(
    monkeypatch: pytest.MonkeyPatch,
):
    """After many wrong passwords the right one has to wait for its turn there, too."""
    monkeypatch.setattr(passwords, "SLIPS", 3.5)
    monkeypatch.setattr(passwords, "SLIP_S", 3600.0)
    judge = Passwords(HASHES)
    await judge.fit("ada", PASSWORD, "10.0.0.1")
    at_once = []
    for _ in range(5):
        right = asyncio.create_task(judge.fit("ada", PASSWORD, "10.0.0.1"))
        wrong = asyncio.create_task(judge.fit("ada", "guess", "10.0.0.1"))
        await asyncio.sleep(0)
        at_once.append(right.done())
        wrong.cancel()
        await asyncio.wait([wrong])

    assert [True, True, True, True, False] == at_once
    assert await right


async def test_guesses_whose_client_has_gone_are_not_checked(
    serve: Serve, client: Client, monkeypatch: pytest.MonkeyPatch
):
    """Of twenty clients that disconnected, one guess was already being checked."""
    monkeypatch.setattr(passwords, "WRONG_S", 2.0)
    checked = Checked()
    site = await serve(FakeWorker(), login=Login(Passwords(HASHES, checked), None))
    strangers = [client(f"127.0.0.{number}") for number in range(10, 30)]
    guesses = [asyncio.create_task(log_in(http, site, "ada", "guess")) for http in strangers]
    await checked.asked.wait()
    for guess in guesses:
        guess.cancel()
    await asyncio.wait(guesses)
    answer = await log_in(client(), site, "ada", PASSWORD)

    assert 200 == answer
    assert ["guess", PASSWORD] == checked.guesses


async def test_passwords_are_checked_in_a_thread_of_their_own(serve: Serve, client: Client):
    """State and lookups use the loop's threads, and the loop continues."""
    threads: list[str] = []
    begun, ends = threading.Event(), threading.Event()

    def slow(password: str, hashed: str) -> bool:
        threads.append(threading.current_thread().name)
        begun.set()
        return ends.wait(PATIENCE_S)

    site = await serve(FakeWorker(), login=Login(Passwords(HASHES, slow), None))
    login = asyncio.create_task(log_in(client(), site, "ada", PASSWORD))
    assert await asyncio.to_thread(begun.wait, PATIENCE_S)
    async with client().get(f"{site.url}/health") as response:
        meanwhile = (response.status, login.done())
    ends.set()

    assert (200, False) == meanwhile
    assert 200 == await login
    assert ["password"] == [name.partition("_")[0] for name in threads]


async def test_memory_for_guesses_is_limited(monkeypatch: pytest.MonkeyPatch):
    """Names that no user has, and addresses that come once, are forgotten; a name keeps its last 64 addresses."""
    monkeypatch.setattr(passwords, "WRONG_S", 0.01)
    judge = Passwords(HASHES)
    for _ in range(2):
        async with asyncio.TaskGroup() as group:
            for number in range(200):
                group.create_task(judge.fit(f"nobody{number}", "guess", f"10.0.0.{number}"))
        waiting = [asyncio.create_task(judge.fit("nobody", "guess", f"10.0.0.{at}")) for at in range(9)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)
    for number in range(100):
        assert await judge.fit("ada", PASSWORD, f"10.0.1.{number}")
    kept = vars(judge)
    async with asyncio.timeout(PATIENCE_S):
        while kept["_names"] or kept["_addresses"]:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)

    assert ({}, {}) == (kept["_names"], dict(kept["_addresses"]))
    assert passwords.PLACES_MAX == len(kept["_places"]["ada"])
    assert "10.0.1.99" in kept["_places"]["ada"]


async def test_the_guesses_of_an_address_are_limited(monkeypatch: pytest.MonkeyPatch):
    """For all names together; other addresses are not affected."""
    monkeypatch.setattr(passwords, "WRONG_S", 0.2)
    judge = Passwords(HASHES)
    guesses = [asyncio.create_task(judge.fit(f"nobody{at}", "guess", "10.0.0.1")) for at in range(60)]
    await asyncio.sleep(0.05)
    elsewhere = await judge.fit("ada", PASSWORD, "10.0.0.2")
    answers = await asyncio.gather(*guesses, return_exceptions=True)

    assert elsewhere
    assert (passwords.ADDRESS_MAX, 60 - passwords.ADDRESS_MAX) == (
        answers.count(False),
        sum(isinstance(answer, Crowded) for answer in answers),
    )
