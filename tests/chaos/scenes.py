"""Brokers for experiments: one, one behind a proxy, or three."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.cluster import BROKER, Broker, Cluster
from tests.chaos.proxy import Proxy


@dataclass(frozen=True)
class Scene:
    """`bootstrap` is the way to the brokers that no fault bars; workers go through the proxy, if there is one."""

    bootstrap: str
    brokers: Sequence[Broker] = ()
    """To be harmed."""
    proxy: Proxy | None = None


@asynccontextmanager
async def scene(kind: str, root: Path) -> AsyncIterator[Scene]:
    """Start the brokers of a kind of experiment: `one`, `proxied` or `three`."""
    proxy = Proxy() if kind == "proxied" else None
    extra = dict(proxy.listeners()) if proxy else {}
    async with Cluster(root / kind, 3 if kind == "three" else 1, dict(BROKER) | extra) as cluster:
        if proxy:
            await proxy.start()
        yield Scene(cluster.bootstrap, cluster.brokers, proxy)
        if proxy:
            await proxy.stop()
