"""A real Kafka broker in a directory: for tests, the demo, and machines without Docker."""

import asyncio
import fcntl
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from fraudstream.adapters.broker import ports, process
from fraudstream.adapters.broker.config import HOST, LOG4J, Node, properties_text, server_properties
from fraudstream.adapters.broker.errors import AlreadyRunning, BrokerError, PortTaken
from fraudstream.adapters.broker.failures import explain
from fraudstream.adapters.broker.jars import OnBytes, classpath
from fraudstream.adapters.broker.java import Java, find_java
from fraudstream.adapters.broker.lock import locked
from fraudstream.adapters.broker.state import BrokerState, forget, running_state
from fraudstream.adapters.broker.storage import cluster_id, format_storage
from fraudstream.adapters.kafka.admin import until_ready
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.process.guard import spawn_guard, stop_guard

LOG_FILE = "broker.log"
LOG_KEPT_BYTES = 20_000_000
"""A log longer than this is put aside (one older one is kept) when the broker starts."""

FREE_BYTES_MIN = 300_000_000
"""Kafka stops with a full disk; we refuse to start on one that is nearly full."""

PORT_ATTEMPTS = 3
"""Between choosing a free port and Kafka's bind another program may take it."""


class EmbeddedBroker:
    """One Kafka node on loopback that keeps its data in `data_dir`; a context manager.

    With port 0 the first start picks a free port, and every later start of this object uses it again, so that clients
    find the broker after a crash. A broker that is not `detached` ends when this process ends, however it ends.
    Errors are BrokerErrors: one sentence that says what to do.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int = 0,
        *,
        heap_mb: int = 256,
        java_options: Sequence[str] = process.LEAN_JVM,
        overrides: Mapping[str, str] | None = None,
        format_options: Sequence[str] = (),
        detached: bool = False,
        start_timeout_s: float = 60.0,
        stop_timeout_s: float = 20.0,
        free_bytes_min: int = FREE_BYTES_MIN,
        on_bytes: OnBytes | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port
        self.heap_mb = heap_mb
        self.java_options = tuple(java_options)
        self.overrides = dict(overrides or {})
        self.format_options = tuple(format_options)
        self.detached = detached
        self.start_timeout_s = start_timeout_s
        self.stop_timeout_s = stop_timeout_s
        self.free_bytes_min = free_bytes_min
        self.on_bytes = on_bytes
        self.state: BrokerState | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """Return the address clients connect to."""
        return f"{HOST}:{self.port}"

    @property
    def log_path(self) -> Path:
        """Return the file with everything Kafka prints."""
        return self.data_dir / LOG_FILE

    def start(self) -> Self:
        """Start Kafka and return once it answers; a fresh directory is formatted first."""
        with self._starting():
            if running := running_state(self.data_dir):
                raise AlreadyRunning(
                    f"a broker already runs on {self.data_dir} at {running.bootstrap} (process {running.pid}); "
                    "stop it with: fraudstream broker down"
                )
            self._check_space()
            java, jars = find_java(), classpath(self.on_bytes)
            command = process.java_command(java, jars, self.data_dir, self.heap_mb, self.java_options)
            for attempt in range(1, PORT_ATTEMPTS + 1):
                try:
                    self._launch(command, java)
                    break
                except (
                    PortTaken
                ):  # lost a race for a port that was free; one that was asked for fails again at once
                    if attempt == PORT_ATTEMPTS:
                        raise
        return self

    def stop(self) -> None:
        """Stop Kafka in order; kill it if it does not end in time. Stopping twice is fine."""
        if self._guard is not None:
            stop_guard(self._guard)
            self._guard = None
        if self.state is not None:
            process.stop(self.state.pid, self.data_dir, self.stop_timeout_s, self._child)
            forget(self.data_dir)
        self.state = self._child = None

    def kill(self) -> None:
        """End Kafka as a crash would (SIGKILL): nothing flushed, the state file left behind; `start` works after it."""
        if self.state is None or self._child is None:
            raise BrokerError(f"no broker was started here on {self.data_dir}")
        process.send(self.state.pid, self.data_dir, signal.SIGKILL)
        self._child.wait()
        if self._guard is not None:
            stop_guard(self._guard)
        self.state = self._child = self._guard = None

    def exit_code(self) -> int | None:
        """Return Kafka's exit code, 143 after an orderly stop; None while it runs."""
        if self._child is None:
            raise BrokerError(f"no broker was started here on {self.data_dir}")
        return self._child.poll()

    def __enter__(self) -> Self:
        return self.start() if self.state is None else self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @contextmanager
    def _starting(self) -> Iterator[None]:
        """Hold the directory's start lock: of two starts at once, the second finds a running broker."""
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            with (self.data_dir / "start.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # released by the system if we die
                yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise BrokerError(
                f"cannot keep a broker in {self.data_dir} ({reason}); choose another --data-dir"
            ) from error

    def _check_space(self) -> None:
        free = shutil.disk_usage(self.data_dir).free
        if free < self.free_bytes_min:
            raise BrokerError(
                f"only {free / 1e6:,.0f} MB are free on the disk of {self.data_dir}, but the broker needs "
                f"{self.free_bytes_min / 1e6:,.0f} MB; free some space or choose another --data-dir"
            )

    def _launch(self, command: Sequence[str], java: Java) -> None:
        """Choose ports, configure, format a fresh directory, and start Kafka."""
        node = Node(1, *ports.claim(self.port, 0))
        self._write_files(node)
        format_storage(command, self.data_dir, self.log_path, options=self.format_options)
        self._run([*command, "kafka.Kafka", "server.properties"], node, java)
        self.port = node.port

    def _write_files(self, node: Node) -> None:
        """Write the configuration anew at every start: ports and options may have changed."""
        properties = server_properties(node, [node], self.overrides)
        (self.data_dir / "server.properties").write_text(properties_text(properties))
        (self.data_dir / "log4j2.properties").write_text(LOG4J)
        shutil.rmtree(self.data_dir / process.TEMPORARY_DIR, ignore_errors=True)
        (self.data_dir / process.TEMPORARY_DIR).mkdir()
        if self.log_path.exists() and self.log_path.stat().st_size > LOG_KEPT_BYTES:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))

    def _run(self, command: Sequence[str], node: Node, java: Java) -> None:
        """Start the process, write down who it is, and wait until it answers; leave nothing behind if it does not."""
        log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        child = process.spawn(command, self.data_dir, self.log_path)
        self._child = child
        self.state = BrokerState(
            pid=child.pid,
            port=node.port,
            controller_port=node.controller_port,
            cluster_id=cluster_id(self.data_dir),
            kafka_version=locked().kafka,
            java=str(java.path),
            started_at=time.time(),
        )
        try:
            if not self.detached:
                self._guard = spawn_guard(child.pid)
            self.state.save(self.data_dir)
            if not self._answers(child, self.state):
                code, silent = child.poll(), f"Kafka did not answer within {self.start_timeout_s:g} s"
                ended = silent if code is None else f"Kafka ended with code {code} while starting"
                raise explain(self.log_path, log_start, ended)
        except BaseException:
            self.stop()
            raise

    def _answers(self, child: subprocess.Popen[bytes], started: BrokerState) -> bool:
        """Wait until the admin client gets an answer; False if the process ended or time is up.

        In a thread of its own, because the caller may already run an event loop.
        """
        waiting = until_ready(
            Kafka(started.bootstrap), started.cluster_id, self.start_timeout_s, lambda: child.poll() is None
        )
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(asyncio.run, waiting).result()


def stop_broker(data_dir: Path, timeout_s: float = 20.0) -> BrokerState | None:
    """Stop the broker of a data directory, whoever started it; return what it was, or None if none ran."""
    running = running_state(data_dir)
    if running is not None:
        process.stop(running.pid, data_dir, timeout_s)
        forget(data_dir)
    return running
