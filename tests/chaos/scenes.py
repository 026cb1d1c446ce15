"""Brokers for experiments: one, one behind a proxy, one that requires a login, or three."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.cluster import BROKER, Broker, Cluster
from tests.chaos.guard import Guard
from tests.chaos.proxy import Proxy


@dataclass(frozen=True)
class Scene:
    """`bootstrap`: the brokers' addresses without faults; workers go through the proxy, if there is one."""

    bootstrap: str
    brokers: Sequence[Broker] = ()
    """The brokers to harm."""
    proxy: Proxy | None = None
    login: Mapping[str, Any] = field(default_factory=dict)
    """Settings of workers if the brokers require a login."""


@asynccontextmanager
async def scene(kind: str, root: Path) -> AsyncIterator[Scene]:
    """Start the brokers of a kind of experiment: `one`, `proxied`, `guarded` or `three`."""
    guard = Guard(root) if kind == "guarded" else None
    proxy = Proxy() if kind == "proxied" else None
    way_in = proxy or guard
    extra = dict(way_in.listeners()) if way_in else {}
    async with Cluster(root / kind, 3 if kind == "three" else 1, dict(BROKER) | extra) as cluster:
        if proxy:
            await proxy.start()
        yield Scene(cluster.bootstrap, cluster.brokers, proxy, guard.login if guard else {})
        if proxy:
            await proxy.stop()
