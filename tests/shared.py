"""What the processes of one parallel test run share: made by whoever needs it first, ended by its maker when all are done."""

import fcntl
import json
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO, Any, NamedTuple

import pytest
from confluent_kafka.admin import AdminClient

from fraudstream.adapters.broker import EmbeddedBroker
from fraudstream.adapters.broker.state import BrokerState, running_state
from fraudstream.settings import Settings

SHORT_SESSIONS = {"group.min.session.timeout.ms": "1000"}
"""Configuration of a broker that detects a killed worker sooner."""

TEST_LENGTH_S = 240.0
"""How long a test with a world of today may run."""

BROKER_HEAP_MB = 768
"""For the broker of the whole run: a partition takes 25 KB of it."""

PATIENCE_S = 150.0
"""How long a test waits for what other processes do: a machine that is busy takes ten times as long as one that is not."""

LOOKUP_TIMEOUT_MS = 10_000
"""So that payments of tests are decided with their weeks however busy the machine is."""


class Broker(NamedTuple):
    """The broker of the whole run, whichever of its processes started it."""

    bootstrap: str
    data_dir: Path

    @property
    def state(self) -> BrokerState | None:
        """Return what is known of the running broker."""
        return running_state(self.data_dir)


def own_settings(bootstrap: str, data_dir: Path, *, partitions: int = 4, **more: Any) -> Settings:
    """Return settings with names that no other test has on this broker."""
    unique = uuid.uuid4().hex[:8]
    more = {"lookup_timeout_ms": LOOKUP_TIMEOUT_MS} | more
    return Settings(
        _env_file=None,
        broker=bootstrap,
        topic_prefix=f"t{unique}-",
        app_id=f"t{unique}",
        data_dir=data_dir,
        partitions=partitions,
        **more,
    )


def delete_topics(bootstrap: str, prefix: str) -> None:
    """Delete what a test has left on the shared broker: thousands of idle partitions cost it a fifth of a core."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    left = [name for name in admin.list_topics(timeout=PATIENCE_S).topics if name.startswith(prefix)]
    for deleted in admin.delete_topics(left).values() if left else ():
        deleted.result()
    deadline = time.monotonic() + PATIENCE_S
    while any(name in left for name in admin.list_topics(timeout=PATIENCE_S).topics):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def frozen(broker: EmbeddedBroker) -> Iterator[None]:
    """Pause a broker, and resume it at the end."""
    assert broker.state is not None
    os.kill(broker.state.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(broker.state.pid, signal.SIGCONT)


def run_directory(factory: pytest.TempPathFactory) -> Path:
    """Return the directory of the whole run; pytest-xdist gives each of its processes one below it."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def day_that_lasts() -> date:
    """Return the day in UTC; within a test's length of its end, wait for the next: weekly aggregates are of a day."""
    now = datetime.now(UTC)
    left_s = (
        now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1) - now
    ).total_seconds()
    if left_s < TEST_LENGTH_S:
        time.sleep(left_s)
    return datetime.now(UTC).date()


@contextmanager
def made_once(directory: Path, name: str, make: Callable[[Path], None]) -> Iterator[Path]:
    """Yield a directory that the first process filled and nobody changes."""
    made = directory / name
    with locked(directory / f"{name}.lock"):
        if not made.exists():
            unfinished = directory / f"{name}.unfinished"
            make(unfinished)
            unfinished.rename(made)
    yield made


@contextmanager
def running_once(
    directory: Path, name: str, start: Callable[[], AbstractContextManager[dict[str, Any]]]
) -> Iterator[dict[str, Any]]:
    """Yield what describes a running service; the process that started it ends it after the last one has left."""
    described = directory / f"{name}.json"
    users = directory / f"{name}.users"
    with ExitStack() as maker:
        with locked(directory / f"{name}.lock"):
            if not described.exists():
                service = maker.enter_context(start())
                described.write_text(json.dumps(service))
                maker.callback(_end_of, directory, name)
            maker.enter_context(locked(users, fcntl.LOCK_SH))
        yield json.loads(described.read_text())


def _end_of(directory: Path, name: str) -> None:
    """Wait until nobody uses the service; who asks for it meanwhile waits, and starts another one."""
    with locked(directory / f"{name}.lock"), locked(directory / f"{name}.users"):
        (directory / f"{name}.json").unlink()


@contextmanager
def locked(path: Path, how: int = fcntl.LOCK_EX) -> Iterator[IO[str]]:
    """Hold a file's lock, alone by default."""
    with path.open("w") as lock:
        fcntl.flock(lock, how)
        yield lock
