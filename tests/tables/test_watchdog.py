"""What the watchdog treats as lack of progress, and what not."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from fraudstream.tables import watchdog

STALL_S = 0.05


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make it check ten times within its patience."""
    monkeypatch.setattr(watchdog, "POLL_S", 0.005)


def app(*, flowing: bool = True, recovering: bool = False, held: int = 2) -> Any:
    """Return what it looks at: a worker with so many partitions."""
    changelog = TP("changelog", 0)
    return SimpleNamespace(
        consumer=SimpleNamespace(
            flow_active=flowing, assignment=lambda: {TP("transactions", number) for number in range(held)}
        ),
        flow_control=SimpleNamespace(is_active=lambda: True),
        consumer_generation_id=1,
        tables=SimpleNamespace(
            recovery=SimpleNamespace(
                in_recovery=recovering,
                active_offsets={changelog: 7},
                active_remaining=lambda: {changelog: 3},
            )
        ),
    )


async def seen(worker: Any, preparing: bool = False) -> str | None:
    """Return what the watchdog says within four times its patience."""
    end = asyncio.get_running_loop().time() + 4 * STALL_S
    return await watchdog.standstill(
        worker, STALL_S, lambda: preparing, lambda: asyncio.get_running_loop().time() > end
    )


@pytest.mark.parametrize(
    ("what", "worker"),
    [
        ("partitions [0, 1] were assigned for 0.05 s and not read", app(flowing=False)),
        ("changelog records not yet read, by partition: {0: 3}", app(recovering=True)),
    ],
)
async def test_partitions_without_progress_are_named(what: str, worker: Any) -> None:
    """In the message with which the worker ends."""
    assert what in str(await seen(worker))


@pytest.mark.parametrize("worker", [app(), app(flowing=False, held=0)])
async def test_a_worker_that_reads_and_one_without_partitions_are_left_alone(worker: Any) -> None:
    """However long nothing changes."""
    assert await seen(worker) is None


@pytest.mark.parametrize("recovering", [False, True])
async def test_the_checks_before_a_recovery_may_take_long(recovering: bool) -> None:
    """The log may be days long, and the recovery before it may have been interrupted by a rebalance."""
    assert await seen(app(flowing=False, recovering=recovering), preparing=True) is None


async def test_a_busy_event_loop_is_not_taken_for_lack_of_progress() -> None:
    """A large state is read in one step, without a check in between."""
    worker = app(flowing=False)
    watching = asyncio.create_task(seen(worker))
    await asyncio.sleep(STALL_S / 2)
    wake = asyncio.get_running_loop().time() + 2 * STALL_S
    while asyncio.get_running_loop().time() < wake:
        pass
    worker.consumer.flow_active = True

    assert await watching is None


async def test_a_new_generation_is_progress() -> None:
    """A rebalance follows another, as when many workers start."""
    worker = app(flowing=False)
    watching = asyncio.create_task(seen(worker))
    for generation in range(20):
        worker.consumer_generation_id = generation
        await asyncio.sleep(STALL_S / 5)

    assert await watching is None
