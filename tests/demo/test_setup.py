"""The demo has a broker of its own, even if others start one at the same time."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from fraudstream.adapters.broker.ports import claim
from fraudstream.adapters.kafka.admin import answering_cluster
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.demo.screen import Screen
from fraudstream.demo.setup import running_broker


@pytest.mark.kafka
async def test_two_demos_that_start_at_once_each_have_a_broker(tmp_path: Path) -> None:
    """Both find port 9092 free; the one that is slower must not take the other's broker for its own, which then ends."""
    (port,), said = claim(0), list[str]()
    async with AsyncExitStack() as stack:
        first, second = await asyncio.gather(
            *(
                stack.enter_async_context(running_broker(tmp_path / name, port, Screen(said.append)))
                for name in ("first", "second")
            )
        )
        clusters = [await answering_cluster(Kafka(each.bootstrap), 5000) for each in (first, second)]
        own = [each.state.cluster_id for each in (first, second) if each.state]

    assert port in {first.port, second.port}
    assert own == clusters
    assert 2 == len(set(clusters))
    assert any(f"port {port} is taken by another program, so Kafka uses port" in line for line in said)
