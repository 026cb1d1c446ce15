"""Debian's PostgreSQL to test with: a server in a directory of its own, which may be killed and started again."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
import pytest

from fraudstream.adapters.database.engine import opened
from tests.databases import with_tables
from tests.shared import run_directory, running_once

BIN = max(
    Path("/usr/lib/postgresql").glob("*/bin"),
    key=lambda path: int(path.parent.name),
    default=Path("/usr/bin"),
)
START_TIMEOUT_S = 60.0
MIGRATED = "migrated"
"""Name of the database that has its tables, of which the tests get copies: migrating takes a second."""

EITHER = ("sqlite", pytest.param("postgresql", marks=pytest.mark.server))
SUPERUSER = "postgres"
"""The user in the database, and of the processes where the tests run as root, which PostgreSQL refuses."""


class PostgreSQL:
    """A server without a password, on a free port of this machine; `durable`: it keeps what was committed when it is killed."""

    def __init__(self, *, durable: bool = False) -> None:
        self._durable = durable
        self._process: subprocess.Popen[bytes] | None = None
        # not in pytest's directory, which only its owner may enter
        self._directory = Path(tempfile.mkdtemp(prefix="fraudstream-postgresql-"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]

    def __enter__(self) -> Self:
        if os.getuid() == 0:
            shutil.chown(self._directory, SUPERUSER, SUPERUSER)
        self._run("initdb", "-D", self._data, "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self._directory)

    @property
    def _data(self) -> str:
        return str(self._directory / "data")

    def start(self) -> None:
        """Start it, after a kill, too, and wait until it answers."""
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": ""}
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [*_as_superuser(), str(BIN / "postgres"), "-D", self._data, *options]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd="/")
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                psycopg.connect(self.address("postgres", driver=""), connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self._directory / "log").read_text()
                assert time.monotonic() < deadline, "PostgreSQL does not answer"
                time.sleep(0.05)

    def kill(self) -> None:
        """Kill it with all its processes, as a machine that loses power does."""
        assert self._process is not None
        killed = [self._process.pid, *_children(self._process.pid)]
        for pid in killed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        while any(_command(pid) for pid in killed):
            time.sleep(0.01)

    def address(self, database: str, driver: str = "+psycopg") -> str:
        """Return the address of a database for SQLAlchemy, or without a driver for psycopg."""
        return f"postgresql{driver}://{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Make an empty database, and return its address."""
        return new_database(self.address("postgres", driver=""))

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*_as_superuser(), str(BIN / program), *arguments], check=True, capture_output=True, cwd="/"
        )


def new_database(server: str, template: str = "template1", name: str = "") -> str:
    """Make a database on the server at this address, empty or a copy of another; return its own address for SQLAlchemy."""
    name = name or f"f{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return server.replace("postgresql://", "postgresql+psycopg://", 1).rpartition("/")[0] + f"/{name}"


def _as_superuser() -> list[str]:
    if os.getuid() != 0:
        return []
    return ["setpriv", f"--reuid={SUPERUSER}", f"--regid={SUPERUSER}", "--clear-groups"]


def _children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            state = path.read_text().rpartition(")")[2].split()
            if int(state[1]) == pid:
                found.append(int(path.parent.name))
    return found


def _command(pid: int) -> bytes:
    """Return how a process was called; empty once it has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a server for psycopg; shared by the run, so use a database of your own (see `database_url`)."""

    @contextmanager
    def start() -> Iterator[dict[str, Any]]:
        with PostgreSQL() as server:
            address = server.address("postgres", driver="")
            opened(new_database(address, name=MIGRATED)).dispose()
            yield {"address": address}

    with running_once(run_directory(tmp_path_factory), "postgresql", start) as described:
        yield described["address"]


@pytest.fixture(params=EITHER)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a new database without tables: the test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return _sqlite(tmp_path)
    return new_database(request.getfixturevalue("postgresql"))


@pytest.fixture(params=EITHER)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a new database without rows, to be opened: the test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return with_tables(_sqlite(tmp_path))
    return new_database(request.getfixturevalue("postgresql"), MIGRATED)


def _sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'own' / 'f.db'}"
