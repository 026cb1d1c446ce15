"""Redis keeps the contract: a real server, started for these tests."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from fraudstream.adapters.weekly.guard import GuardedWeekly
from fraudstream.adapters.weekly.redis import WeeklyRedis
from fraudstream.domain.errors import SetupError, WeeklyRefused, WeeklyUnavailable
from fraudstream.domain.weekly import Week, WeeklyStore
from fraudstream.domain.weekly_aggregates import WeeklyAggregates
from fraudstream.monitor.timeline import Timeline
from fraudstream.monitor.watches import WeeklyWatch
from fraudstream.process.ports import free_port
from tests.contracts.declared_weeks import DeclaredWeeksContract
from tests.contracts.weekly_store import ALICE, BOB, BUSY, CALM, MONDAY, TUESDAY, WeeklyStoreContract
from tests.sagemaker import filled
from tests.shared import PATIENCE_S

PASSWORD = "of-this-run"

pytestmark = pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs Debian's redis-server")


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the URL of a server of these tests, which keeps nothing on disk."""
    port, directory = free_port("127.0.0.1"), tmp_path_factory.mktemp("redis")
    options = [
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--requirepass",
        PASSWORD,
        "--dir",
        str(directory),
    ]
    with subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL) as process:
        yield f"redis://127.0.0.1:{port}/0"
        process.terminate()


@pytest.fixture
async def store(url: str, tmp_path: Path) -> AsyncIterator[WeeklyRedis]:
    """Yield a store with keys of its own."""
    made = WeeklyRedis(url, PASSWORD, prefix=f"{tmp_path}:")
    for _ in range(100):
        try:
            await made.describe()
            break
        except WeeklyUnavailable:  # the server has just been started
            await asyncio.sleep(0.05)
    yield made
    await made.close()


class TestWeeklyRedis(WeeklyStoreContract):
    """One hash a midnight."""

    @pytest.fixture(autouse=True)
    def _store(self, store: WeeklyRedis) -> None:
        self.store = store

    async def store_with(self, snapshots: Mapping[int, Mapping[str, Week]]) -> WeeklyStore:
        """Load the snapshots."""
        return await filled(self.store, snapshots)


class TestDeclaredInRedis(DeclaredWeeksContract):
    """One hash a midnight and declaration."""

    @pytest.fixture(autouse=True)
    async def _place(self, store: WeeklyRedis, url: str) -> AsyncIterator[None]:
        self.prefix, self.url, self.opened = store._prefix, url, [store]
        yield
        for each in self.opened[1:]:
            await each.close()

    async def store_of(
        self, weekly: WeeklyAggregates, snapshots: Mapping[int, Mapping[str, Week]]
    ) -> WeeklyStore:
        """Load them below the prefix of this test."""
        self.opened.append(WeeklyRedis(self.url, PASSWORD, prefix=self.prefix, weekly=weekly))
        return await filled(self.opened[-1], snapshots)


async def test_what_is_not_published_is_not_read(store: WeeklyRedis) -> None:
    """Half a midnight would make the other half's cards look new."""
    await filled(store, {MONDAY: {ALICE: CALM}})
    await store.load(TUESDAY, [(ALICE, BUSY)])

    assert MONDAY == (await store.get_many([ALICE], TUESDAY)).as_of_ms
    assert {MONDAY: 1} == await store.nights([MONDAY, TUESDAY])


async def test_a_draft_that_lacks_cards_is_not_published(store: WeeklyRedis) -> None:
    """The number of cards is the loader's word that all came."""
    await store.load(MONDAY, [(ALICE, BUSY)])

    with pytest.raises(SetupError, match="held 1 entities, not 2"):
        await store.publish(MONDAY, 2)
    assert None is (await store.get_many([ALICE], MONDAY)).as_of_ms


async def test_a_text_that_is_no_week_is_refused(store: WeeklyRedis) -> None:
    """Somebody else may have written into our hash."""
    await filled(store, {MONDAY: {ALICE: BUSY, BOB: CALM}})
    await store._redis.hset(store._key(MONDAY), ALICE, "many")

    answer = await store.get_many([ALICE, BOB], MONDAY)

    assert ({BOB: CALM}, {ALICE: "weekly-refused"}) == (dict(answer.rows), dict(answer.failed))


ANSWERED = {
    "LOADING Redis is loading the dataset in memory": WeeklyUnavailable,
    "MASTERDOWN Link with MASTER is down": WeeklyUnavailable,
    "CLUSTERDOWN Hash slot not served": WeeklyUnavailable,
    "MISCONF Redis is configured to save RDB snapshots": WeeklyUnavailable,
    "ERR max number of clients reached": WeeklyUnavailable,
    "MOVED 3999 127.0.0.1:6381": WeeklyRefused,
    "NOAUTH Authentication required.": WeeklyRefused,
    "WRONGTYPE Operation against a key holding the wrong kind of value": WeeklyRefused,
    "ERR unknown command 'HMGET'": WeeklyRefused,
}
"""What servers say that these tests do not bring to it -> what we make of it."""


@pytest.mark.parametrize("said", ANSWERED)
async def test_every_answer_is_sorted(said: str) -> None:
    """Whether a worker starts with it hangs on it; cards are in no sentence."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            writer.write(f"-{said}\r\n".encode() * 5)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        store = WeeklyRedis(f"redis://127.0.0.1:{port}/0", None)
        with pytest.raises(WeeklyUnavailable) as met:
            await store.get_many([ALICE], MONDAY)
        await store.close()

    assert ANSWERED[said] is type(met.value)
    assert ALICE not in str(met.value)


@pytest.fixture
async def admin(store: WeeklyRedis, url: str) -> AsyncIterator[Any]:
    """Yield a connection that may do everything; what it changed is changed back."""
    connection: Any = Redis.from_url(url, password=PASSWORD, decode_responses=True)
    yield connection
    await connection.execute_command("REPLICAOF", "NO", "ONE")
    await connection.config_set("maxmemory", 0)
    await connection.aclose()


def user(url: str, store: WeeklyRedis, name: str) -> WeeklyRedis:
    """Return the same store as a user of Redis's access list sees it."""
    return WeeklyRedis(url.replace("redis://", f"redis://{name}@"), PASSWORD, prefix=store._prefix)


WORKER_MAY = ("+exists", "+hmget", "+hlen")
LOADER_MAY = (*WORKER_MAY, "+info", "+multi", "+exec", "+hset", "+expire", "+rename", "+del")


async def test_the_rights_that_are_documented_are_enough(url: str, store: WeeklyRedis, admin: Any) -> None:
    """For workers to look up, for the nightly job to load."""
    for name, rights in (("reader", WORKER_MAY), ("loader", LOADER_MAY)):
        await admin.execute_command(
            "ACL", "SETUSER", name, "reset", "on", f">{PASSWORD}", f"~{store._prefix}*", *rights
        )
    loader, reader = user(url, store, "loader"), user(url, store, "reader")
    await filled(loader, {MONDAY: {ALICE: BUSY}})
    await reader.connect()
    answer = await reader.get_many([ALICE], MONDAY)
    with pytest.raises(WeeklyRefused, match="ACL SETUSER"):
        await reader.load(TUESDAY, [(ALICE, BUSY)])
    for each in (loader, reader):
        await each.close()
    documented = (Path(__file__).parents[2] / "docs/weekly-stores.md").read_text()

    assert {ALICE: BUSY} == dict(answer.rows)
    assert " ".join(WORKER_MAY) in documented
    assert " ".join(LOADER_MAY) in documented


@pytest.mark.parametrize("rights", [("~*", "+ping"), ("~theirs:*", "+@all"), ("off",)], ids=str)
async def test_a_user_without_the_rights_is_refused_at_the_start(
    url: str, store: WeeklyRedis, admin: Any, rights: tuple[str, ...]
) -> None:
    """Before the first payment."""
    await admin.execute_command("ACL", "SETUSER", "narrow", "reset", "on", f">{PASSWORD}", *rights)
    narrow = user(url, store, "narrow")
    with pytest.raises(WeeklyRefused, match=r"ACL SETUSER|check FRAUDSTREAM_WEEKLY_PASSWORD_FILE"):
        await narrow.connect()
    await narrow.close()


async def test_rights_withdrawn_while_it_runs_are_named_by_health_and_given_back_are_used(
    url: str, store: WeeklyRedis, admin: Any
) -> None:
    """Payments are decided meanwhile, without their week."""
    await filled(store, {MONDAY: {ALICE: BUSY}})
    allowed = ("ACL", "SETUSER", "running", "reset", "on", f">{PASSWORD}", f"~{store._prefix}*", *WORKER_MAY)
    await admin.execute_command(*allowed)
    guard = GuardedWeekly(user(url, store, "running"), deadline_s=30.0, cache_cards=0)
    health = WeeklyWatch(guard, Timeline())
    await guard.get_many([ALICE], MONDAY)
    await admin.execute_command("ACL", "SETUSER", "running", "resetkeys")
    while not list(health()):
        degraded = await guard.get_many([ALICE], MONDAY)
    (problem,) = health()
    await admin.execute_command(*allowed)
    async with asyncio.timeout(PATIENCE_S):
        while list(health()):
            await guard.get_many([ALICE], MONDAY)
            await asyncio.sleep(0.05)
    given_back = await guard.get_many([ALICE], MONDAY)
    await guard.close()

    assert {ALICE: "weekly-unavailable"} == dict(degraded.failed)
    assert "payments are decided without weekly aggregates: Redis refuses" in problem.sentence
    assert "ACL SETUSER" in problem.remedy
    assert {ALICE: BUSY} == dict(given_back.rows)


async def test_a_full_server_is_waited_for_and_still_answers(store: WeeklyRedis, admin: Any) -> None:
    """There may be room later, when old keys have expired."""
    await filled(store, {MONDAY: {ALICE: BUSY}})
    await admin.config_set("maxmemory", 1)
    with pytest.raises(WeeklyUnavailable, match="maxmemory") as met:
        await store.load(TUESDAY, [(ALICE, BUSY)])

    assert met.value.later
    assert {ALICE: BUSY} == dict((await store.get_many([ALICE], MONDAY)).rows)


async def test_a_replica_is_read_and_not_loaded(store: WeeklyRedis, admin: Any) -> None:
    """The sentence says which server to name."""
    await filled(store, {MONDAY: {ALICE: BUSY}})
    await admin.execute_command("REPLICAOF", "127.0.0.1", "9")
    await store.connect()
    answer = await store.get_many([ALICE], MONDAY)
    with pytest.raises(WeeklyRefused, match="; name the primary in FRAUDSTREAM_WEEKLY_STORE"):
        await store.load(TUESDAY, [(ALICE, BUSY)])

    assert {ALICE: BUSY} == dict(answer.rows)


async def test_a_wrong_password_is_a_sentence_a_server_that_is_down_is_not(url: str) -> None:
    """Somebody has to correct the password; the server may come back by itself."""
    stranger = WeeklyRedis(url, "wrong")
    with pytest.raises(SetupError, match="Redis refuses"):
        await stranger.connect()
    await stranger.close()
    nowhere = WeeklyRedis(f"redis://127.0.0.1:{free_port('127.0.0.1')}/0", None)
    await nowhere.connect()
    with pytest.raises(WeeklyUnavailable, match="does not answer"):
        await nowhere.get_many([ALICE], MONDAY)
