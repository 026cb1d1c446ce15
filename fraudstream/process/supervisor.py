"""Keeps a worker or archiver running (`--supervised`) where neither systemd nor Kubernetes does it.

A worker ends without acknowledging what it did not finish, so a restart is always safe.
"""

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

from fraudstream.process.exits import FINAL
from fraudstream.process.guard import spawn_guard, stop_guard

logger = logging.getLogger(__name__)

RESTART_WAITS_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Wait before each further restart; the last one repeats, so that unavailable brokers are not flooded."""

HEALTHY_AFTER_S = 60.0
"""After a run this long the next restart has the shortest wait."""


class Supervisor:
    """Runs a command until it ends with a code of FINAL, or the supervisor is asked to stop."""

    def __init__(
        self,
        command: Sequence[str],
        restart_waits_s: Sequence[float] = RESTART_WAITS_S,
        name: str = "the worker",
    ) -> None:
        self._command = command
        self._name = name
        self._waits_s = restart_waits_s
        self._child: subprocess.Popen[bytes] | None = None
        self._asked_to_stop = False

    def run(self) -> int:
        """Run until the end; return the exit code of the last run (0 after being asked to stop)."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        crashes = 0
        while True:
            started = time.monotonic()
            code = self._run_once()
            if self._asked_to_stop:
                return 0
            if code in FINAL:
                return code
            if time.monotonic() - started >= HEALTHY_AFTER_S:
                crashes = 0
            wait_s = self._waits_s[min(crashes, len(self._waits_s) - 1)]
            crashes += 1
            logger.error("%s %s; restarting it in %.1f s", self._name, _ended(code), wait_s)
            if self._sleep(wait_s):
                return 0

    def _run_once(self) -> int:
        """Start the command, wait for its end and return its exit code, negative for a signal."""
        # A session of its own: Ctrl-C reaches the supervisor alone, which passes it on once.
        self._child = subprocess.Popen(self._command, start_new_session=True)  # noqa: S603 - our own command line
        guard = spawn_guard(self._child.pid)
        try:
            if self._asked_to_stop:  # the signal came while it was being started
                self._child.terminate()
            return self._child.wait()
        finally:
            stop_guard(guard)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop = True
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()

    def _sleep(self, wait_s: float) -> bool:
        """Wait, in steps that notice a signal; tell whether one came."""
        until = time.monotonic() + wait_s
        while not self._asked_to_stop and (left_s := until - time.monotonic()) > 0:
            time.sleep(min(left_s, 0.1))
        return self._asked_to_stop


def _ended(code: int) -> str:
    """Say how a process ended.

    >>> _ended(-9)
    'was ended by SIGKILL'
    """
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"


def supervise(arguments: Sequence[str], name: str) -> int:
    """Supervise `fraudstream` with this process's arguments except `--supervised`; return the last exit code."""
    own = [argument for argument in arguments if argument != "--supervised"]
    return Supervisor([sys.executable, "-m", "fraudstream", *own], name=name).run()
