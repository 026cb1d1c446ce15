"""`fraudstream demo`: it shows fraud, ends with the result of the acceptance test, and leaves nothing running."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.commands.running import COMMAND

RATE = ("--rate", "8")
"""What the small world's cards can make without filling each other's ten minutes."""

END_TIMEOUT_S = 120


class Demo:
    """A demo as its own process; `mark` is in the environment of everything it starts."""

    def __init__(self, data_dir: Path, *arguments: str) -> None:
        self.mark = f"DEMO_MARK={uuid.uuid4().hex}"
        name, value = self.mark.split("=")
        self.said = ""
        self.process = subprocess.Popen(
            [*COMMAND, "demo", "--data-dir", str(data_dir), *RATE, *arguments],
            env={**os.environ, name: value, "FRAUDSTREAM_WEB_PORT": "0", "FRAUDSTREAM_CONSOLE_PORT": "0"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def until(self, text: str) -> None:
        """Read what it says until a text appears."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if text in line:
                return
        raise AssertionError(f"it ended without saying {text!r}:\n{self.said}")

    def end(self) -> int:
        """Read the rest and return the exit code."""
        assert self.process.stdout is not None
        self.said += self.process.stdout.read()
        return self.process.wait(END_TIMEOUT_S)

    def alive(self) -> dict[int, str]:
        """Return the command lines of everything it started that still runs, by process id."""
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (path / "environ").read_bytes().split(b"\0"):
                    found[int(path.name)] = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:  # it ended while we looked, or is not ours to look at
                continue
        return {pid: command for pid, command in found.items() if command}

    def pid_of(self, part: str) -> int:
        """Return the process id of the child whose command line holds a text."""
        (pid,) = [pid for pid, command in self.alive().items() if part in command]
        return pid


@pytest.fixture
def data_dir(small_world: Path, tmp_path: Path) -> Path:
    """Return a demo's directory in which history, weeks and model are ready, as after a first run."""
    return Path(shutil.copytree(small_world, tmp_path / "demo"))


@pytest.fixture
def demo_of(request: pytest.FixtureRequest) -> Iterator[list[Demo]]:
    """Yield a list for the demos of a test; whatever still runs afterwards is ended."""
    demos: list[Demo] = []
    yield demos
    for demo in demos:
        for pid in demo.alive():
            os.kill(pid, signal.SIGKILL)


def begin(demos: list[Demo], data_dir: Path, *arguments: str) -> Demo:
    """Start a demo that is cleaned up after."""
    demos.append(Demo(data_dir, *arguments))
    return demos[0]


@pytest.mark.kafka
def test_it_finds_fraud_and_ends_with_the_result_of_the_acceptance_test(
    demo_of: list[Demo], data_dir: Path
) -> None:
    """With `--for`: PASS is exit code 0."""
    demo = begin(demo_of, data_dir, "--for", "5", "--json")
    code = demo.end()
    facts = json.loads(demo.said.splitlines()[-1])

    assert 0 == code, demo.said
    assert facts["passed"]
    assert 26 < facts["decided"]
    assert 18 <= facts["alerts"]
    assert 40 > facts["first_alert_s"], "a prepared demo shows its first alert within 40 seconds"
    assert {} == demo.alive()


@pytest.mark.kafka
def test_ctrl_c_with_everything_started_leaves_nothing_running(demo_of: list[Demo], data_dir: Path) -> None:
    """Worker, traffic, Kafka and their guards end with it."""
    demo = begin(demo_of, data_dir)
    demo.until("live traffic")
    time.sleep(1)
    demo.process.send_signal(signal.SIGINT)
    code = demo.end()

    assert 130 == code, demo.said
    assert "nothing is left running" in demo.said
    assert {} == demo.alive()


@pytest.mark.kafka
def test_somebody_logs_in_to_its_console(demo_of: list[Demo], data_dir: Path) -> None:
    """With the password that it prints; cases of its alerts come to wait there."""
    demo = begin(demo_of, data_dir)
    demo.until(" demo / ")
    found = re.search(r"(http://\S+)  demo / (\S+) ", demo.said)
    assert found is not None
    with httpx.Client(base_url=found[1], follow_redirects=True) as browser:
        token = re.search(r'name="csrf" value="(\w+)"', browser.get("/login").text)
        assert token is not None
        page = browser.post("/login", data={"csrf": token[1], "name": "demo", "password": found[2]})
        demo.process.send_signal(signal.SIGINT)

    assert (200, "/cases") == (page.status_code, page.url.path)
    assert "You are demo, admin." in page.text
    assert demo.end() in (0, 130), demo.said  # the acceptance test has ended by then, or it has not
    assert {} == demo.alive()


@pytest.mark.kafka
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_first_steps_leaves_nothing_running(
    demo_of: list[Demo], tmp_path: Path, number: signal.Signals
) -> None:
    """Also while Kafka starts and the history is written, also when the terminal is closed."""
    demo = begin(demo_of, tmp_path / "demo")
    demo.until("fraudstream generate")
    demo.process.send_signal(number)

    assert 130 == demo.end(), demo.said
    assert {} == demo.alive()


@pytest.mark.kafka
def test_even_a_killed_demo_leaves_nothing_running(demo_of: list[Demo], data_dir: Path) -> None:
    """Nobody can clean up after kill -9 but the guards, which notice that their parent is gone."""
    demo = begin(demo_of, data_dir)
    demo.until("live traffic")
    demo.process.kill()
    deadline = time.monotonic() + END_TIMEOUT_S
    while demo.alive() and time.monotonic() < deadline:
        time.sleep(0.2)

    assert {} == demo.alive()


@pytest.mark.kafka
def test_a_worker_that_ends_ends_the_demo_with_the_end_of_its_log(
    demo_of: list[Demo], data_dir: Path
) -> None:
    """Exit code 1, instead of a screen that no longer changes."""
    demo = begin(demo_of, data_dir)
    demo.until("live traffic")
    os.kill(demo.pid_of("fraudstream worker"), signal.SIGKILL)

    assert 1 == demo.end(), demo.said
    assert "fraudstream worker was ended by SIGKILL" in demo.said
    assert "worker.log" in demo.said
    assert {} == demo.alive()
