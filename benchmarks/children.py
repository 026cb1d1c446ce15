"""Processes of a run: started with a log each, watched for CPU, and always ended."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
SAMPLE_INTERVAL_S = 0.02
STOP_TIMEOUT_S = 10.0


class BenchmarkFailed(Exception):
    """The run cannot give a result; the message says what happened."""


class Child:
    """A running process of ours and the file with what it printed."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    def check(self) -> None:
        """Raise BenchmarkFailed if it has ended."""
        code = self.process.poll()
        if code is not None:
            raise BenchmarkFailed(
                f"{self.name} ended with code {code}: {self._last_words()} (log: {self.log})"
            )

    def marks(self) -> list[tuple[int, float]]:
        """Return the marks the process has printed so far: events and epoch seconds."""
        lines = [line.split() for line in self.log.read_text(errors="replace").splitlines()]
        return [(int(line[1]), float(line[2])) for line in lines if len(line) == 3 and line[0] == "mark"]

    def cpu_s(self) -> float:
        """Return the CPU seconds the process and all its threads have used so far."""
        return cpu_s(self.process.pid)

    def peak_rss_mb(self) -> float:
        """Return the most memory it has held at once."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "it printed nothing"


def cpu_s(pid: int) -> float:
    """Return the CPU seconds a process and all its threads have used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


class CpuMeter:
    """Samples a process's CPU time in a thread, so that the use between two moments can be told afterwards."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._samples: list[tuple[float, float]] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def _sample(self) -> None:
        while not self._stopped.wait(SAMPLE_INTERVAL_S):
            try:
                self._samples.append((time.time(), cpu_s(self._pid)))
            except (FileNotFoundError, ProcessLookupError):
                return  # it has ended; what was sampled counts

    def used_s(self, start: float, end: float) -> float:
        """Return the CPU seconds used between two epoch times."""
        if not self._samples:
            return 0.0  # it was started at the very end
        at, used = np.array(self._samples).T
        first, last = np.interp([start, end], at, used)
        return float(last - first)

    def __enter__(self) -> "CpuMeter":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopped.set()
        self._thread.join()


@contextmanager
def running(
    name: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Child]:
    """Run a program for the length of a `with`; at its end it is asked to stop, then made to."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
            start_new_session=True,
        )
    try:
        yield Child(name, process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
