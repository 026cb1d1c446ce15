"""Kafka's configuration: single-node defaults for tests and demo, with a cluster not ruled out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import dedent

HOST = "127.0.0.1"
"""The embedded broker knows no passwords, so it listens on loopback only."""

LOG_DIR = "kafka"
"""Kafka's own data, relative to the data directory (Java's working directory).

Relative, because Kafka splits `log.dirs` at commas and a user's path may hold one.
"""


@dataclass(frozen=True, slots=True)
class Node:
    """One Kafka process that is broker and controller at once, and where it listens."""

    node_id: int
    port: int
    controller_port: int


def server_properties(
    node: Node, quorum: Sequence[Node], overrides: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the `server.properties` of one node of a cluster made of `quorum` (itself included)."""
    copies = str(min(3, len(quorum)))
    in_sync_min = str(max(1, min(3, len(quorum)) - 1))
    return {
        "process.roles": "broker,controller",
        "node.id": str(node.node_id),
        "controller.quorum.voters": ",".join(f"{n.node_id}@{HOST}:{n.controller_port}" for n in quorum),
        "listeners": f"PLAINTEXT://{HOST}:{node.port},CONTROLLER://{HOST}:{node.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{node.port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": LOG_DIR,
        # A misspelt topic is an error, not a new topic with one partition.
        "auto.create.topics.enable": "false",
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync_min,
        # The first worker of a group starts at once instead of waiting three seconds for others.
        "group.initial.rebalance.delay.ms": "0",
        # Kafka's default of 50 partitions makes the first consumer wait and buys nothing on one machine.
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.num.partitions": "4",
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync_min,
        "share.coordinator.state.topic.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync_min,
        # After a crash the controller waits this long for the old process before it lets the new one in.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        # Small pools and buffers: the default heap is 256 MB and the cleaner alone would take half of it.
        "num.network.threads": "2",
        "num.io.threads": "4",
        "log.cleaner.dedupe.buffer.size": str(8 * 1024 * 1024),
        **(overrides or {}),
    }


def properties_text(properties: Mapping[str, str]) -> str:
    """Write a Java properties file, which is Latin-1 with backslash escapes."""
    return "".join(f"{name}={_escaped(value)}\n" for name, value in properties.items())


def _escaped(value: str) -> str:
    """Escape a value so that java.util.Properties reads back the same string."""
    value = value.replace("\\", "\\\\").replace("\n", "\\n")
    return "".join(c if " " <= c <= "~" else f"\\u{ord(c):04x}" for c in value)


LOG4J = dedent("""\
    status = error
    shutdownHook = disable
    appender.stdout.type = Console
    appender.stdout.name = stdout
    appender.stdout.layout.type = PatternLayout
    appender.stdout.layout.pattern = %d{ISO8601} %p %m (%c{1})%n
    rootLogger.level = warn
    rootLogger.appenderRef.stdout.ref = stdout
    logger.server.name = kafka.server.KafkaRaftServer
    logger.server.level = info
    logger.broker.name = kafka.server.BrokerServer
    logger.broker.level = info
    logger.version.name = org.apache.kafka.common.utils.AppInfoParser$AppInfo
    logger.version.level = info
    """)
"""Log4j 2 configuration: warnings, and when the broker started and stopped; all on standard output."""
