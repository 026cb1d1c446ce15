"""Growing that is killed between any two steps, and every advice of a worker that cannot start, to its end."""

import asyncio
import re

import pytest

from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings
from fraudstream.state import grow as growing
from fraudstream.topics import all_topics
from tests.commands.running import fraudstream
from tests.end_to_end.harness import Worker, decisions_of, settled
from tests.end_to_end.test_damaged_state import ended
from tests.end_to_end.test_grow import decide, grown, keyed, payments, send, undivided
from tests.end_to_end.test_partitions_added import add_partitions
from tests.end_to_end.test_worker import windows


class Killed(Exception):
    """What stands for kill -9: nothing after it is done."""


@pytest.fixture
def settings(kafka_settings: Settings) -> Settings:
    """Return settings whose restarts are quick."""
    return kafka_settings.model_copy(update={"session_timeout_s": 6.0, "web": False})


async def killed_after(settings: Settings, monkeypatch: pytest.MonkeyPatch, writes: int) -> None:
    """Grow to 6 and end before the write that comes after so many."""
    done = 0
    write = growing._write

    async def counted(*arguments: object) -> None:
        nonlocal done
        if done == writes:
            raise Killed
        done += 1
        await write(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(growing, "_write", counted)
        with pytest.raises(Killed):
            await growing.grow(settings, await growing.planned(settings, 6))


async def test_growing_may_be_killed_between_its_writes(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the note, one partition, three, all six. No worker starts meanwhile, with either setting; in the end all is exact."""
    sent = payments(300, seed=81)
    wider = settings.model_copy(update={"partitions": 6})
    await send(settings, sent[:150], keyed)
    await decide(settings)
    await send(settings, sent[150:200], keyed)
    for writes in (1, 1, 3, 6):  # the note; then it is there already, and partitions are written again
        await killed_after(settings, monkeypatch, writes)
    with Worker(wider) as worker:
        assert 2 == await ended(worker)
    assert "was interrupted; run `fraudstream topics grow 6` again" in worker.log
    with pytest.raises(SetupError, match="set FRAUDSTREAM_PARTITIONS=6"):
        await ensure_topics(settings)

    said = await grown(wider, 6)
    await send(wider, sent[200:], keyed)
    with Worker(wider):
        decisions = await decisions_of(wider, {payment["tid"] for payment in sent})
        await settled(wider)
    assert (4, 6, 200, 50) == tuple(said[name] for name in ("before", "after", "entries", "undecided"))
    assert undivided(sent) == windows(decisions)
    assert [] == (await grown(wider, 6))["topics"]


@pytest.mark.parametrize("whole", [False, True], ids=["transactions", "all topics"])
async def test_every_advice_leads_to_a_worker_that_runs(settings: Settings, whole: bool) -> None:
    """Somebody adds partitions to one topic, or to all of them, and sets 6: what the worker says is done, until it runs."""
    sent = payments(200, seed=82)
    await send(settings, sent[:100], keyed)
    await decide(settings)
    for topic in all_topics(settings) if whole else [settings.topic("transactions")]:
        await add_partitions(settings, topic, 6)
    wider = settings.model_copy(update={"partitions": 6})
    with Worker(wider) as refused:
        assert 0 != await ended(refused)
    advised = re.search(r"fraudstream (topics grow 6)", refused.log)
    assert advised, refused.log
    running = await asyncio.to_thread(fraudstream, wider, *advised[1].split())
    assert 1 == running.returncode, "it asks first"
    done = await asyncio.to_thread(fraudstream, wider, *advised[1].split(), "--yes")
    assert 0 == done.returncode, done.stderr
    assert "start all workers with FRAUDSTREAM_PARTITIONS=6" in done.stdout
    await send(wider, sent[100:], keyed)
    with Worker(wider):
        decisions = await decisions_of(wider, {payment["tid"] for payment in sent})
    assert undivided(sent) == windows(decisions)
