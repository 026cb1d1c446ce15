"""Three brokers on one machine, each a controller too: three copies of everything, two must have a record."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from fraudstream.adapters.broker import EmbeddedBroker
from fraudstream.adapters.broker.config import LOG4J, Node, properties_text, server_properties
from fraudstream.adapters.broker.java import Java
from fraudstream.adapters.broker.ports import claim
from fraudstream.adapters.broker.process import TEMPORARY_DIR
from fraudstream.adapters.broker.storage import format_storage, new_cluster_id
from tests.chaos.workers import limit_files

BROKER: Mapping[str, str] = {"group.min.session.timeout.ms": "1000"}
"""So that a dead worker is noticed within a test's patience."""

USUAL = "{usual}"
"""Placeholder in an overridden property for its usual value."""


class Broker(EmbeddedBroker):
    """One node of a cluster, at ports that are known beforehand."""

    def __init__(
        self, data_dir: Path, node: Node, quorum: Sequence[Node], cluster: str, overrides: Mapping[str, str]
    ) -> None:
        super().__init__(data_dir, node.port, overrides=overrides)
        self._node = node
        self._quorum = quorum
        self._cluster = cluster

    def pause(self) -> None:
        """Pause it."""
        assert self.state is not None
        os.kill(self.state.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Resume it."""
        assert self.state is not None
        os.kill(self.state.pid, signal.SIGCONT)

    def limit_files(self, size: int) -> None:
        """Let none of its files grow beyond a size, as if the disk were full; a new start lifts it."""
        assert self.state is not None
        limit_files(self.state.pid, size)

    @property
    def running(self) -> bool:
        """Tell whether the process is alive."""
        return self._child is not None and self._child.poll() is None

    def _launch(self, command: Sequence[str], java: Java) -> None:
        self._write_files(self._node)
        format_storage(command, self.data_dir, self.log_path, self._cluster)
        self._run([*command, "kafka.Kafka", "server.properties"], self._node, java)

    def _write_files(self, node: Node) -> None:
        usual = server_properties(node, self._quorum)
        changed = {name: value.replace(USUAL, usual.get(name, "")) for name, value in self.overrides.items()}
        (self.data_dir / "server.properties").write_text(properties_text(usual | changed))
        (self.data_dir / "log4j2.properties").write_text(LOG4J)
        (self.data_dir / TEMPORARY_DIR).mkdir(exist_ok=True)


class Cluster:
    """Brokers that form one quorum; a context manager."""

    def __init__(self, root: Path, size: int, overrides: Mapping[str, str] = BROKER) -> None:
        ports = claim(*[0] * (2 * size))
        nodes = [Node(number + 1, ports[2 * number], ports[2 * number + 1]) for number in range(size)]
        identity = new_cluster_id()
        self.brokers = [
            Broker(root / f"broker-{node.node_id}", node, nodes, identity, overrides) for node in nodes
        ]

    @property
    def bootstrap(self) -> str:
        """Return the addresses of all brokers."""
        return ",".join(broker.bootstrap for broker in self.brokers)

    async def start(self) -> None:
        """Start all that do not run; none answers before a majority runs."""
        await asyncio.gather(
            *(asyncio.to_thread(broker.start) for broker in self.brokers if broker.state is None)
        )

    async def __aenter__(self) -> "Cluster":
        await self.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await asyncio.gather(*(asyncio.to_thread(broker.stop) for broker in self.brokers))
