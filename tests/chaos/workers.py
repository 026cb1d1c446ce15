"""Worker processes that can be killed, paused, stopped, and brought back on the same directory or on an empty one."""

import asyncio
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from fraudstream.process.guard import spawn_guard, stop_guard
from fraudstream.settings import Settings
from tests.chaos.gaps import Trap

ROOT = Path(__file__).parents[2]
STOP_TIMEOUT_S = 30.0


class Worker:
    """One worker with a state directory of its own."""

    def __init__(
        self, settings: Settings, name: str, arguments: Sequence[str] = (), *, supervised: bool = False
    ) -> None:
        """`arguments` go to `tests.chaos.worker`."""
        self.name = name
        self.state_dir = settings.data_dir / "state" / name
        self.settings = settings.model_copy(update={"state_dir": self.state_dir})
        self.log_path = settings.data_dir / f"{name}.log"
        self.trap = Trap(settings.data_dir / f"{name}.trap")
        self.supervised = supervised
        self._arguments = arguments
        self._log_begin = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        command = [sys.executable, "-m", "tests.chaos.worker", "--trap", str(self.trap._path)]
        command += self._arguments
        command += ["--supervised"] if self.supervised else []
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self._log_begin = len(self.log)
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self._environment(), stdout=log, stderr=log
            )
        self._guard = spawn_guard(self._process.pid)

    @property
    def running(self) -> bool:
        """Tell whether the process is there (paused or not)."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Return the worker's process id; a supervised one's is its supervisor's child."""
        assert self._process is not None
        if not self.supervised:
            return self._process.pid
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        workers = [int(pid) for pid in children if b"tests.chaos.worker" in _command_line(int(pid))]
        return workers[0] if workers else 0

    def kill(self) -> None:
        """Kill it with SIGKILL; a supervisor is not killed and starts it again."""
        if pid := self.pid:
            os.kill(pid, signal.SIGKILL)
        if not self.supervised:
            self._reap()

    def limit_files(self, size: int | None) -> None:
        """Let no file of the worker, or of any started after it, grow beyond a size."""
        assert self._process is not None
        limit_files(self._process.pid, size)
        if pid := self.pid:
            limit_files(pid, size)

    def rebuild(self) -> str:
        """Do what an operator does when a worker says so: `fraudstream state rebuild`; return what it says at last."""
        command = [sys.executable, "-m", "fraudstream", "state", "rebuild"]
        done = subprocess.run(command, cwd=ROOT, env=self._environment(), capture_output=True, text=True)
        said = (done.stdout + done.stderr).strip().splitlines()
        return f"code {done.returncode}: {said[-1] if said else 'silently'}"

    def _environment(self) -> dict[str, str]:
        given = self.settings.model_dump(exclude_none=True)
        return os.environ | {f"FRAUDSTREAM_{name.upper()}": str(value) for name, value in given.items()}

    def last_words(self) -> str:
        """Return the exit code and the last line it logged."""
        assert self._process is not None
        lines = [line for line in self.log[self._log_begin :].splitlines() if line.strip()]
        return f"code {self._process.poll()}: {lines[-1] if lines else 'silently'}"

    def pause(self) -> None:
        """Pause it."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Resume a paused worker."""
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it in order; kill it if that takes too long."""
        if self._process is None:
            return
        if self.running:
            self._process.terminate()
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                if pid := self.pid:  # a supervisor's child would outlive it
                    os.kill(pid, signal.SIGKILL)
                self._process.kill()
        self._reap()

    def wipe(self) -> None:
        """Empty its state directory, as a new disk would."""
        shutil.rmtree(self.state_dir, ignore_errors=True)

    async def ended(self, timeout_s: float) -> int | None:
        """Wait until the process has ended and return its exit code; None if it has not in time."""
        await until(lambda: not self.running, timeout_s)
        if self.running:
            return None
        assert self._process is not None
        code = self._process.returncode
        self._reap()
        return code

    @property
    def partitions(self) -> list[int]:
        """Return the partitions it said it decides, in this run."""
        log = self.log[self._log_begin :]
        said = re.findall(r"deciding partitions ((?:\d+(?:, )?)+|none)", log)
        return [int(number) for number in re.findall(r"\d+", said[-1])] if said else []

    @property
    def log(self) -> str:
        """Return what it has logged, all runs."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def _reap(self) -> None:
        assert self._process is not None
        self._process.wait()
        if self._guard is not None:
            stop_guard(self._guard)
            self._guard = None


async def until(holds: Callable[[], bool], timeout_s: float) -> bool:
    """Wait until something holds; tell whether it does."""
    deadline = time.monotonic() + timeout_s
    while not holds() and time.monotonic() < deadline:  # noqa: ASYNC110 - a process tells nobody that it ended
        await asyncio.sleep(0.02)
    return holds()


def limit_files(pid: int, size: int | None) -> None:
    """Let no file of a process grow beyond a size (None: without limit), as if the disk were full."""
    hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
