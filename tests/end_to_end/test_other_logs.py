"""Offsets do not identify a log: another log than the state remembers is refused, or decided and reported; nothing is left out."""

import asyncio
from typing import Any

import aiohttp
import pytest

from fraudstream.adapters.kafka.partition_logs import forget_records
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.process.exits import EXIT_SETUP
from fraudstream.process.ports import free_port
from fraudstream.settings import Settings
from fraudstream.state.rebuild import rebuild_changelog
from fraudstream.state.verify import compare_all
from tests.commands.running import fraudstream
from tests.end_to_end.harness import Worker, decisions_of, expected_windows, produce, settled
from tests.end_to_end.other_logs import committed, made_anew, moved, spans, without_offsets
from tests.end_to_end.test_damaged_state import ended, group_empty
from tests.end_to_end.test_worker import encoded, payments, windows

Payments = list[dict[str, Any]]


@pytest.fixture
def settings(kafka_settings: Settings) -> Settings:
    """Return settings whose restarts are quick."""
    return kafka_settings.model_copy(update={"session_timeout_s": 6.0, "web": False})


@pytest.fixture
def source(settings: Settings) -> str:
    """Return the full name of the topic with the payments."""
    return settings.topic("transactions")


async def send(settings: Settings, sent: Payments) -> set[str]:
    """Send payments; return their ids."""
    await produce(settings, [encoded(payment) for payment in sent])
    return {payment["tid"] for payment in sent}


async def decided(settings: Settings, sent: Payments) -> None:
    """Let a worker decide payments, stop it, and wait until its group is empty."""
    await send(settings, sent)
    with Worker(settings):
        await settled(settings)
    await group_empty(settings)


async def refused(settings: Settings) -> str:
    """Start a worker that must refuse and say what to run; return its last sentence."""
    with Worker(settings) as worker:
        code = await ended(worker)
    await group_empty(settings)
    assert EXIT_SETUP == code, worker.log
    assert "stop all workers and run: fraudstream state adopt" in worker.log
    return worker.log.splitlines()[-1]


async def adopted(settings: Settings, *arguments: str) -> str:
    """Run what the refusal says; return what it answers."""
    done = await asyncio.to_thread(fraudstream, settings, "state", "adopt", *arguments)
    assert 0 == done.returncode, done.stderr
    return done.stdout


async def test_an_offset_beyond_the_end_is_refused_and_what_is_written_below_it_is_decided(
    settings: Settings, source: str
) -> None:
    """A restored cluster whose log is shorter than the group remembers, in all partitions; the advice is followed."""
    await decided(settings, payments(400, seed=51))
    await moved(
        settings, source, {number: end + 500 for number, (_, end) in (await spans(settings, source)).items()}
    )
    later = await send(settings, payments(200, seed=52))

    assert "but the log ends at" in await refused(settings)
    assert "decisions continue from 0" in await adopted(settings)

    with Worker(settings):
        decisions = await decisions_of(settings, later)
        await settled(settings)
    assert await expected_windows(settings) == windows(decisions)
    await group_empty(settings)
    assert "the source topics fit the group's committed offsets and the changelog" in await adopted(settings)


async def test_what_has_all_been_decided_may_be_left_out(settings: Settings, source: str) -> None:
    """With --from end a restored log goes on behind its last record, and the state holds what it had."""
    sent = payments(400, seed=53)
    await decided(settings, sent)
    ends = {number: end for number, (_, end) in (await spans(settings, source)).items()}
    await moved(settings, source, {number: end + 500 for number, end in ends.items()})

    await adopted(settings, "--from", "end")

    assert ends == await committed(settings, source)
    assert len(sent) - len(sent) // 51 == sum(each.changelog.entries for each in await compare_all(settings))
    later = payments(200, seed=54)
    ids = await send(settings, later)
    with Worker(settings):
        decisions = await decisions_of(settings, ids)
    assert await expected_windows(settings) == windows(decisions)


@pytest.mark.parametrize("offsets_kept", [True, False])
async def test_a_recreated_topic_that_is_longer_than_before_is_noticed_by_its_payments(
    settings: Settings, source: str, offsets_kept: bool
) -> None:
    """No offset is out of range; the state has other payments than the log, whether the group kept its offsets or not."""
    await decided(settings, payments(300, seed=55))
    before = {number: offset or 0 for number, offset in (await committed(settings, source)).items()}
    await made_anew(settings, source)
    if offsets_kept:
        await moved(settings, source, before)
    sent = payments(900, seed=56)
    ids = await send(settings, sent)

    assert "the state has another payment than the log" in await refused(settings)
    await adopted(settings)

    with Worker(settings):
        decisions = await decisions_of(settings, ids)
    expected = await expected_windows(settings)
    assert expected == {tid: window for tid, window in windows(decisions).items() if tid in ids}
    await group_empty(settings)
    assert all(each.clean for each in await compare_all(settings))


async def test_a_log_that_lost_its_newest_payments_is_refused(settings: Settings, source: str) -> None:
    """Recreated and shorter, and its offsets deleted by Kafka: only the state remembers."""
    await decided(settings, payments(300, seed=57))
    await made_anew(settings, source)
    ids = await send(settings, payments(40, seed=58))

    assert "but the log ends at" in await refused(settings)
    await adopted(settings)
    with Worker(settings):
        await decisions_of(settings, ids)


async def test_payments_deleted_before_they_were_decided_are_counted_and_reported(
    settings: Settings, source: str
) -> None:
    """Retention was faster than the worker: it goes on at the earliest record, degraded for an hour."""
    await decided(settings, payments(300, seed=59))
    first = {number: end for number, (_, end) in (await spans(settings, source)).items()}
    await send(settings, payments(300, seed=60))
    await forget_records(Kafka.of(settings), source, {0: first[0] + 20, 1: first[1] + 7})
    settings = settings.model_copy(update={"web": True, "web_port": free_port("127.0.0.1")})

    with Worker(settings) as worker:
        await settled(settings)
        async with aiohttp.ClientSession(f"http://127.0.0.1:{settings.web_port}") as web:
            health = await (await web.get("/health")).json()
            metrics = await (await web.get("/metrics")).text()
    assert "degraded" == health["status"]
    assert (
        f"20 records of {source}, partition 0 (offsets {first[0]} to {first[0] + 19}) were deleted"
        in worker.log
    )
    assert f'fraudstream_removed_undecided_total{{partition="0",topic="{source}"}} 20.0' in metrics
    assert f'fraudstream_removed_undecided_total{{partition="1",topic="{source}"}} 7.0' in metrics


async def test_after_offsets_expired_everything_is_decided_again_and_reported(
    settings: Settings, source: str
) -> None:
    """The log is the one remembered, so each payment is known again and answered as the first time."""
    sent = payments(300, seed=61)
    await decided(settings, sent)
    without_offsets(settings)

    with Worker(settings) as worker:
        await settled(settings)
    decisions = await decisions_of(settings, {payment["tid"] for payment in sent})
    assert 2 * len(sent) == len(decisions)
    assert await expected_windows(settings) == windows(decisions)
    assert f"the group has no committed offset for {source}, partition 0" in worker.log


async def test_a_state_from_before_the_changelog_begins_is_built_again(settings: Settings) -> None:
    """A directory comes back that is older than the changelog's first record: recovery does not continue across the gap."""
    await decided(settings, payments(300, seed=62))
    await rebuild_changelog(settings, await compare_all(settings), range(settings.partitions))
    sent = payments(300, seed=63)
    ids = await send(settings, sent)

    with Worker(settings) as worker:
        decisions = await decisions_of(settings, ids)
    assert "ends before the changelog begins: wiped" in worker.log
    assert await expected_windows(settings) == windows(decisions)
    await group_empty(settings)
    assert all(each.clean and each.disk for each in await compare_all(settings))
