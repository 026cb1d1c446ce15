"""Child processes of the demo, parity, inboxes and the API: fraudstream's own commands, ended together however their parent ends."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from fraudstream.domain.errors import FraudstreamError
from fraudstream.process.guard import spawn_guard, stop_guard

STOP_TIMEOUT_S = 10.0
"""From SIGTERM to SIGKILL."""

LAST_LINES = 12


class ChildFailed(FraudstreamError):
    """A command ended unexpectedly or with an error; the message has its last lines."""


class Child:
    """A running `fraudstream` command. It has a process group of its own, so that Ctrl-C reaches only its parent, and a
    guard that ends it if that is killed.
    """

    def __init__(self, name: str, process: asyncio.subprocess.Process, log_path: Path) -> None:
        self.name = name
        self.log_path = log_path
        self._process = process
        self._guard: subprocess.Popen[bytes] = spawn_guard(process.pid)
        self._stopping = False

    @property
    def pid(self) -> int:
        """The process id, also the process group's."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for its end and return the exit code; negative for a signal."""
        return await self._process.wait()

    async def watch(self) -> None:
        """Return when it was stopped; raises ChildFailed if it ends by itself."""
        code = await self.wait()
        if not self._stopping:
            raise self.failure(code)

    async def output(self, on_line: Callable[[str], None]) -> str:
        """Read what it prints on stdout, line by line, and return the last line."""
        assert self._process.stdout is not None
        last = ""
        async for raw in self._process.stdout:
            last = raw.decode(errors="replace").strip() or last
            on_line(last)
        return last

    def failure(self, code: int | None) -> ChildFailed:
        """Return the error that says how it ended, or that it never got ready (None), with the end of its log."""
        lines = self.log_path.read_text(errors="replace").splitlines()[-LAST_LINES:]
        if code is None:
            how = "did not get ready"
        else:
            how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        return ChildFailed("\n".join([f"{self.name} {how}; the end of {self.log_path}:", *lines]))

    async def stop(self) -> None:
        """End it and everything it started: by SIGTERM, and by SIGKILL if that takes too long."""
        self._stopping = True
        if self._process.returncode is None:
            self._signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), STOP_TIMEOUT_S)
            except TimeoutError:
                self._signal(signal.SIGKILL)
                await self._process.wait()
        stop_guard(self._guard)

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return  # it ended by itself in this moment


@asynccontextmanager
async def started(
    arguments: list[str],
    environment: Mapping[str, str],
    log_path: Path,
    *,
    piped: bool = False,
    inherited: Collection[int] = (),
) -> AsyncIterator[Child]:
    """Start `fraudstream <arguments>` and end it with the block; stderr, and stdout unless `piped`, goes to a log.

    `inherited`: open files that it keeps open, such as a lock that then holds as long as it runs.
    """
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "fraudstream",
            *arguments,
            env={**os.environ, **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if piped else log,
            stderr=log,
            start_new_session=True,
            pass_fds=tuple(inherited),
        )
    child = Child(f"fraudstream {arguments[0]}", process, log_path)
    try:
        yield child
    finally:
        await asyncio.shield(child.stop())


async def run_to_end(
    arguments: list[str], environment: Mapping[str, str], log_path: Path, on_line: Callable[[str], None]
) -> str:
    """Run a command to its end and return its last line; raises ChildFailed if it fails."""
    async with started(arguments, environment, log_path, piped=True) as child:
        last = await child.output(on_line)
        code = await child.wait()
        if code != 0:
            raise child.failure(code)
        return last
