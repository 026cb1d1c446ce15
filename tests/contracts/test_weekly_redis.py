"""Redis keeps the contract: a real server, started for these tests."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest

from fraudstream.adapters.weekly_redis import WeeklyRedis
from fraudstream.app import free_port
from fraudstream.domain.errors import SetupError, WeeklyUnavailable
from fraudstream.domain.weekly import Week, WeeklyStore
from tests.contracts.weekly_store import ALICE, BOB, BUSY, CALM, MONDAY, TUESDAY, WeeklyStoreContract
from tests.sagemaker import filled

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


async def test_what_is_not_published_is_not_read(store: WeeklyRedis) -> None:
    """Half a midnight would make the other half's cards look new."""
    await filled(store, {MONDAY: {ALICE: CALM}})
    await store.load(TUESDAY, [(ALICE, BUSY)])

    assert MONDAY == (await store.get_many([ALICE], TUESDAY)).as_of_ms
    assert {MONDAY: 1} == await store.nights([MONDAY, TUESDAY])


async def test_a_draft_that_lacks_cards_is_not_published(store: WeeklyRedis) -> None:
    """The number of cards is the loader's word that all came."""
    await store.load(MONDAY, [(ALICE, BUSY)])

    with pytest.raises(SetupError, match="held 1 cards, not 2"):
        await store.publish(MONDAY, 2)
    assert None is (await store.get_many([ALICE], MONDAY)).as_of_ms


async def test_a_text_that_is_no_week_is_refused(store: WeeklyRedis) -> None:
    """Somebody else may have written into our hash."""
    await filled(store, {MONDAY: {ALICE: BUSY, BOB: CALM}})
    await store._redis.hset(store._key(MONDAY), ALICE, "many")

    answer = await store.get_many([ALICE, BOB], MONDAY)

    assert ({BOB: CALM}, {ALICE: "weekly-refused"}) == (dict(answer.rows), dict(answer.failed))


async def test_a_wrong_password_is_a_sentence_a_server_that_is_down_is_not(url: str) -> None:
    """One has to be mended, the other ends by itself."""
    stranger = WeeklyRedis(url, "wrong")
    with pytest.raises(SetupError, match="Redis refuses"):
        await stranger.connect()
    await stranger.close()
    nowhere = WeeklyRedis(f"redis://127.0.0.1:{free_port('127.0.0.1')}/0", None)
    await nowhere.connect()
    with pytest.raises(WeeklyUnavailable, match="does not answer"):
        await nowhere.get_many([ALICE], MONDAY)
