"""The embedded broker with and without faults, all of them real."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import NewTopic

from fraudstream.adapters.broker import (
    AlreadyRunning,
    BrokerError,
    EmbeddedBroker,
    PortTaken,
    running_state,
    stop_broker,
)
from fraudstream.adapters.broker.config import Node, server_properties
from fraudstream.adapters.broker.state import is_broker
from fraudstream.adapters.kafka.admin import administration, answers, existing_topics
from fraudstream.adapters.kafka.security import Kafka
from tests.shared import PATIENCE_S, Broker

PARENT = """
import sys, time
from pathlib import Path
from fraudstream.adapters.broker import EmbeddedBroker
broker = EmbeddedBroker(Path(sys.argv[1])).start()
print(broker.state.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Yield a port another program (this one) listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


async def write(bootstrap: str, topic: str, value: bytes) -> None:
    """Make a topic and put one record into it."""
    async with administration(Kafka(bootstrap)) as admin:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        await producer.send_and_wait(topic, value)


async def read(bootstrap: str, topic: str) -> bytes | None:
    """Read the first record of a topic."""
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        return (await consumer.getone()).value


async def test_a_record_comes_back(broker: Broker) -> None:
    """It is a real Kafka: what is produced can be consumed."""
    await write(broker.bootstrap, "echo", b"hello")

    assert b"hello" == await read(broker.bootstrap, "echo")


async def test_a_misspelt_topic_is_not_created(broker: Broker) -> None:
    """Asking for a topic that does not exist must not make one with the wrong number of partitions."""
    async with administration(Kafka(broker.bootstrap)) as admin:
        await admin.describe_topics(["no-such-topic"])

        assert {} == await existing_topics(admin, ["no-such-topic"])


def test_the_state_says_who_runs(broker: Broker) -> None:
    """Another process can find the broker through its data directory."""
    state = running_state(broker.data_dir)

    assert state is not None
    assert broker.bootstrap == state.bootstrap
    assert is_broker(state.pid, broker.data_dir)
    assert 22 == len(state.cluster_id)
    assert 0 < state.uptime_s < 3600


def test_a_running_broker_is_not_started_twice(broker: Broker) -> None:
    """The second start names the address and the process of the first, and does it no harm."""
    with pytest.raises(
        AlreadyRunning, match=f"{broker.bootstrap} .process {broker.state.pid if broker.state else 0}"
    ):
        EmbeddedBroker(broker.data_dir).start()

    assert running_state(broker.data_dir) is not None


async def test_records_survive_kill_9_another_port_and_an_odd_path(tmp_path: Path) -> None:
    """After a crash a new broker object starts on the same directory, whatever the crash left behind.

    The directory's name has a comma, a blank and an umlaut, and a format was once killed half-way in it.
    """
    data_dir = tmp_path / "kafka, größe 2"
    (data_dir / "kafka.draft").mkdir(parents=True)
    (data_dir / "kafka.draft" / "bootstrap.checkpoint").write_bytes(b"half")
    with EmbeddedBroker(data_dir) as first:
        await write(first.bootstrap, "kept", b"precious")
        first.kill()
        left_behind = (data_dir / "broker.json").exists()
        after_crash = running_state(data_dir)
    with EmbeddedBroker(data_dir) as second:
        found = await read(second.bootstrap, "kept")

    assert left_behind
    assert after_crash is None
    assert first.port != second.port
    assert b"precious" == found
    assert not (data_dir / "broker.json").exists()


def test_another_process_with_the_saved_id_is_neither_believed_nor_stopped(tmp_path: Path) -> None:
    """Process ids are reused: a stale state file may name any process, here the test itself."""
    state = {"pid": os.getpid(), "port": 1, "controller_port": 2, "cluster_id": "x", "kafka_version": "4"}
    (tmp_path / "broker.json").write_text(json.dumps({**state, "java": "java", "started_at": 0.0}))

    assert running_state(tmp_path) is None
    assert stop_broker(tmp_path) is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', '{"unknown": 1}', "\x00\xff"])
def test_a_damaged_state_file_means_nobody_runs(tmp_path: Path, content: str) -> None:
    """A crash may leave anything in the file; it never stops a start."""
    (tmp_path / "broker.json").write_text(content)

    assert running_state(tmp_path) is None


def test_a_directory_is_not_mistaken_for_one_with_a_longer_name(broker: Broker) -> None:
    """A broker in /a/bc is not the broker of /a/b."""
    state = running_state(broker.data_dir)
    shorter = broker.data_dir.with_name(broker.data_dir.name[:-1])

    assert state is not None
    assert not is_broker(state.pid, shorter)


def test_a_taken_port_is_named(tmp_path: Path, taken_port: int) -> None:
    """Before any Java is started."""
    with pytest.raises(
        PortTaken, match=f"^port {taken_port} is taken by another program; choose another with --port"
    ):
        EmbeddedBroker(tmp_path, taken_port).start()


def test_a_port_taken_while_kafka_starts_is_named_too(tmp_path: Path) -> None:
    """Between our look at the port and Kafka's bind another program may be faster: here it listens during the format."""
    with socket.socket() as rival:
        rival.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        rival.bind(("127.0.0.1", 0))  # bound, but nobody notices before it listens
        port = rival.getsockname()[1]

        def listen_during_format() -> None:
            while not (tmp_path / "format.properties").exists():
                time.sleep(0.01)
            rival.listen()

        thread = threading.Thread(target=listen_during_format)
        thread.start()
        with pytest.raises(PortTaken, match=f"^port {port} is taken by another program"):
            EmbeddedBroker(tmp_path, port).start()
        thread.join()

    assert "Address already in use" in (tmp_path / "broker.log").read_text()
    assert running_state(tmp_path) is None


def test_a_nearly_full_disk_is_named(tmp_path: Path) -> None:
    """Kafka would crash in the middle of a write, so it is not started."""
    with pytest.raises(BrokerError, match=r"^only [\d,]+ MB are free on the disk of"):
        EmbeddedBroker(tmp_path, free_bytes_min=1 << 60).start()


def test_a_file_in_the_directorys_place_is_named(tmp_path: Path) -> None:
    """The data directory cannot be made."""
    (tmp_path / "file").touch()
    with pytest.raises(BrokerError, match=r"cannot keep a broker in .*file"):
        EmbeddedBroker(tmp_path / "file").start()


def test_files_that_are_not_kafkas_are_left_alone(tmp_path: Path) -> None:
    """Somebody's own directory named kafka/ must not be formatted away."""
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "thesis.txt").write_text("irreplaceable")
    with pytest.raises(BrokerError, match="holds files that are not Kafka's"):
        EmbeddedBroker(tmp_path).start()

    assert "irreplaceable" == (tmp_path / "kafka" / "thesis.txt").read_text()


def test_a_kafka_that_ends_is_explained_and_leaves_nothing_running(tmp_path: Path) -> None:
    """Another process holds the lock of Kafka's directory: Kafka ends, and the message says why and which log to read."""
    with EmbeddedBroker(tmp_path):
        pass
    with (tmp_path / "kafka" / ".lock").open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        with pytest.raises(BrokerError, match=r"another process uses its data directory.*broker\.log"):
            EmbeddedBroker(tmp_path).start()

    assert running_state(tmp_path) is None


def test_an_impossible_heap_is_explained(tmp_path: Path) -> None:
    """Java ends before Kafka says a word."""
    with pytest.raises(BrokerError, match=r"Kafka .*log"):
        EmbeddedBroker(tmp_path, heap_mb=1).start()


def test_of_two_starts_at_once_one_wins(tmp_path: Path) -> None:
    """Two terminals, one directory: one broker, and the other start says that it runs."""
    brokers = [EmbeddedBroker(tmp_path), EmbeddedBroker(tmp_path)]
    refused: list[str] = []

    def start(broker: EmbeddedBroker) -> None:
        try:
            broker.start()
        except AlreadyRunning as error:
            refused.append(str(error))

    threads = [threading.Thread(target=start, args=(broker,)) for broker in brokers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    running = [broker for broker in brokers if broker.state is not None]
    for broker in brokers:
        broker.stop()

    assert 1 == len(running)
    assert 1 == len(refused)


def test_the_broker_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    """A test run that is killed with -9 leaves no Java behind."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    deadline = time.monotonic() + PATIENCE_S
    while is_broker(pid, tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert not is_broker(pid, tmp_path)


async def test_nobody_answers_where_nobody_listens() -> None:
    """A closed port is not an error."""
    assert not await answers(Kafka("127.0.0.1:1"))


def test_three_nodes_make_one_quorum() -> None:
    """The configuration does not rule out a cluster: three voters, three copies, two of them in step."""
    nodes = [Node(number, 9000 + number, 9100 + number) for number in (1, 2, 3)]
    properties = server_properties(nodes[1], nodes)

    assert "1@127.0.0.1:9101,2@127.0.0.1:9102,3@127.0.0.1:9103" == properties["controller.quorum.voters"]
    assert "2" == properties["node.id"]
    assert "3" == properties["offsets.topic.replication.factor"]
    assert "2" == properties["min.insync.replicas"]
