"""The supervisor over real processes: small scripts that end as a worker might."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.shared import PATIENCE_S


def supervised(tmp_path: Path, endings: Sequence[str]) -> subprocess.Popen[str]:
    """Start a supervisor of a script that notes its process id and then ends in the next of these ways."""
    script = tmp_path / "child.py"
    script.write_text(
        "import os, pathlib, sys, time\n"
        f"starts = pathlib.Path({str(tmp_path / 'starts')!r})\n"
        "with starts.open('a') as file:\n"
        "    file.write(f'{os.getpid()}\\n')\n"
        f"exec({list(endings)!r}[len(starts.read_text().split()) - 1])\n"
    )
    command = [sys.executable, str(script)]
    code = (
        "import logging, sys; from fraudstream.process.supervisor import Supervisor; logging.basicConfig();"
        f"sys.exit(Supervisor({command!r}, [0.01]).run())"
    )
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)


def starts(tmp_path: Path) -> list[int]:
    """Return the process ids of the script so far."""
    noted = tmp_path / "starts"
    return [int(line) for line in noted.read_text().split()] if noted.exists() else []


def alive(pid: int) -> bool:
    """Tell whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until_started(tmp_path: Path, times: int) -> None:
    """Wait until the script has been started so often."""
    deadline = time.monotonic() + PATIENCE_S
    while len(starts(tmp_path)) < times:
        assert time.monotonic() < deadline, f"started {len(starts(tmp_path))} times"
        time.sleep(0.02)


SLEEP = "time.sleep(60)"


def test_a_worker_that_crashes_or_is_killed_is_started_again(tmp_path: Path) -> None:
    """Exit 70, SIGKILL, then a good end: three starts, and a line for each restart."""
    supervisor = supervised(tmp_path, ["sys.exit(70)", "os.kill(os.getpid(), 9)", "sys.exit(0)"])
    _, said = supervisor.communicate(timeout=PATIENCE_S)

    assert 0 == supervisor.returncode
    assert 3 == len(starts(tmp_path))
    assert "the worker ended with code 70; restarting it in 0.0 s" in said
    assert "the worker was ended by SIGKILL" in said


def test_a_set_up_error_at_the_first_start_is_not_repeated(tmp_path: Path) -> None:
    """A missing model does not appear by waiting."""
    supervisor = supervised(tmp_path, ["sys.exit(2)"])
    supervisor.communicate(timeout=PATIENCE_S)

    assert 2 == supervisor.returncode
    assert 1 == len(starts(tmp_path))


def test_a_broker_that_is_away_is_waited_for(tmp_path: Path) -> None:
    """75 says that a later start may find one."""
    supervisor = supervised(tmp_path, ["sys.exit(75)", "sys.exit(75)", "sys.exit(0)"])
    supervisor.communicate(timeout=PATIENCE_S)

    assert 0 == supervisor.returncode
    assert 3 == len(starts(tmp_path))


def test_a_set_up_error_after_a_crash_ends_it_too(tmp_path: Path) -> None:
    """Somebody removed the model meanwhile."""
    supervisor = supervised(tmp_path, ["sys.exit(70)", "sys.exit(2)"])
    supervisor.communicate(timeout=PATIENCE_S)

    assert 2 == supervisor.returncode
    assert 2 == len(starts(tmp_path))


def test_asked_to_stop_it_stops_the_worker_and_ends_well(tmp_path: Path) -> None:
    """SIGTERM goes through; the worker is not started again."""
    supervisor = supervised(tmp_path, [SLEEP, SLEEP])
    wait_until_started(tmp_path, 1)
    supervisor.send_signal(signal.SIGTERM)
    supervisor.communicate(timeout=PATIENCE_S)

    assert 0 == supervisor.returncode
    assert [False] == [alive(pid) for pid in starts(tmp_path)]


def test_a_killed_supervisor_takes_its_worker_with_it(tmp_path: Path) -> None:
    """No worker is left that nobody watches."""
    supervisor = supervised(tmp_path, [SLEEP])
    wait_until_started(tmp_path, 1)
    (child,) = starts(tmp_path)
    os.kill(supervisor.pid, signal.SIGKILL)
    supervisor.communicate(timeout=PATIENCE_S)
    deadline = time.monotonic() + PATIENCE_S
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)

    assert not alive(child)
