"""Kafka's Java process: the command line, start and stop."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from fraudstream.adapters.broker.errors import BrokerError
from fraudstream.adapters.broker.java import Java
from fraudstream.adapters.broker.state import identity_flag, is_broker

POLL_INTERVAL_S = 0.02

TEMPORARY_DIR = "java-tmp"
"""Where Java unpacks its native libraries; emptied at every start, because a killed Java leaves them behind."""

LEAN_JVM = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData")
"""Quick to start and small: right for tests and demo, wrong for measuring throughput."""


def java_command(
    java: Java, jars: Sequence[Path], data_dir: Path, heap_mb: int, options: Sequence[str]
) -> list[str]:
    """Return the command line up to, and without, the main class."""
    return [
        str(java.path),
        f"-Xmx{heap_mb}m",
        *options,
        *java.flags(),
        identity_flag(data_dir),
        "-Dlog4j2.configurationFile=log4j2.properties",
        f"-Djava.io.tmpdir={data_dir / TEMPORARY_DIR}",
        "-Djava.awt.headless=true",
        "-cp",
        os.pathsep.join(map(str, jars)),
    ]


def spawn(command: Sequence[str], data_dir: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start Java in a session of its own, so that Ctrl-C reaches us alone and we stop the broker in order."""
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - a command line of our own making
            command,
            cwd=data_dir,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(pid: int, data_dir: Path, timeout_s: float, child: subprocess.Popen[bytes] | None = None) -> bool:
    """Ask the broker to stop, wait, and kill it if it does not; return whether it stopped by itself.

    Signals only a process that is this data directory's broker. `child` is reaped if the process is ours.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        send(pid, data_dir, number)
        if _gone(pid, data_dir, timeout_s, child):
            return number == signal.SIGTERM
    raise BrokerError(
        f"the broker with process id {pid} does not end even after SIGKILL; perhaps its disk does not answer"
    )


def send(pid: int, data_dir: Path, number: signal.Signals) -> None:
    """Send a signal to the broker of this data directory, if it is alive."""
    try:
        if is_broker(pid, data_dir):
            os.kill(pid, number)
    except ProcessLookupError:
        return  # it ended between the two lines
    except PermissionError as error:
        raise BrokerError(
            f"the broker with process id {pid} belongs to another user; stop it as that user"
        ) from error


def _gone(pid: int, data_dir: Path, timeout_s: float, child: subprocess.Popen[bytes] | None) -> bool:
    """Wait until the process has ended; False if it has not within the timeout."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if child is not None and child.poll() is not None:
            return True
        if child is None and not is_broker(pid, data_dir):
            return True
        time.sleep(POLL_INTERVAL_S)
    return False
