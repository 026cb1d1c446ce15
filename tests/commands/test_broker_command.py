"""`fraudstream broker` and `fraudstream topics` as users and scripts run them: real processes, real exit codes."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fraudstream.adapters.broker import running_state
from fraudstream.settings import Settings
from fraudstream.topics import all_topics
from tests.shared import PATIENCE_S, Broker

COMMAND = [sys.executable, "-c", "from fraudstream.cli import main; main()"]


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `fraudstream …` and wait."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield the data directory of a broker that `broker up` left in the background."""
    data_dir = tmp_path_factory.mktemp("up")
    started = run("broker", "up", "--port", "0", "--data-dir", data_dir)
    assert 0 == started.returncode, started.stderr
    yield data_dir
    run("broker", "down", "--data-dir", data_dir)


def test_up_leaves_a_broker_that_answers(up: Path) -> None:
    """The command has ended, the broker runs on; a script reads where."""
    status = run("broker", "status", "--json", "--data-dir", up)
    facts = json.loads(status.stdout)

    assert 0 == status.returncode
    assert facts["running"]
    assert facts["answers"]
    assert f"127.0.0.1:{facts['port']}" == facts["bootstrap"]
    assert {"pid", "uptime_s", "cluster_id", "kafka_version", "java", "data_dir", "log"} < set(facts)


def test_up_twice_is_the_same_as_once(up: Path) -> None:
    """The second time it says that it runs, and where, and changes nothing."""
    before = running_state(up)
    again = run("broker", "up", "--data-dir", up)

    assert before is not None
    assert 0 == again.returncode
    assert f"already running at {before.bootstrap} (process {before.pid})" in again.stdout
    assert before == running_state(up)


def test_up_on_another_port_is_refused_while_it_runs(up: Path) -> None:
    """A user who asks for a port must not get a success message about another one."""
    refused = run("broker", "up", "--port", "19999", "--data-dir", up)

    assert 2 == refused.returncode
    assert "already runs on port" in refused.stderr


def test_up_listens_where_the_setting_says(tmp_path: Path) -> None:
    """Whoever has set FRAUDSTREAM_BROKER means the same broker in every command."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    started = run("broker", "up", "--data-dir", tmp_path, FRAUDSTREAM_BROKER=f"localhost:{port}")
    run("broker", "down", "--data-dir", tmp_path)

    assert 0 == started.returncode, started.stderr
    assert f"127.0.0.1:{port}" in started.stdout


@pytest.mark.parametrize("broker", ["kafka.example:9092", "localhost:9092,localhost:9093", "localhost"])
def test_up_does_not_start_another_machines_broker(tmp_path: Path, broker: str) -> None:
    """One sentence, and what to set instead."""
    refused = run("broker", "up", "--data-dir", tmp_path, FRAUDSTREAM_BROKER=broker)

    assert 2 == refused.returncode
    assert f"FRAUDSTREAM_BROKER={broker} is not a port of this machine" in refused.stderr


def test_status_and_logs_are_readable(up: Path) -> None:
    """For people: a line a fact, and the end of what Kafka printed."""
    status = run("broker", "status", "--data-dir", up)
    logs = run("broker", "logs", "--data-dir", up, "-n", "5")

    assert "cluster id" in status.stdout
    assert "Kafka Server started" in logs.stdout
    assert 5 >= len(logs.stdout.splitlines())


def test_what_does_not_run_says_so(tmp_path: Path) -> None:
    """Status 1 for scripts; stopping nothing is fine; logs that never were are an error."""
    status = run("broker", "status", "--data-dir", tmp_path)
    status_json = run("broker", "status", "--json", FRAUDSTREAM_DATA_DIR=str(tmp_path))
    down = run("broker", "down", "--data-dir", tmp_path)
    logs = run("broker", "logs", "--data-dir", tmp_path)

    assert (1, 1, 0, 2) == tuple(done.returncode for done in (status, status_json, down, logs))
    assert "start one with: fraudstream broker up" in status.stdout
    assert str(tmp_path / "broker") == json.loads(status_json.stdout)["data_dir"]
    assert not json.loads(status_json.stdout)["running"]
    assert f"no broker runs on {tmp_path}\n" == down.stdout
    assert "no broker has run here yet" in logs.stderr


def test_a_taken_port_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    """No traceback for what the user can correct."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        refused = run("broker", "up", "--port", str(port), "--data-dir", tmp_path)

    assert 2 == refused.returncode
    assert (
        f"Error: port {port} is taken by another program; choose another with --port (0: any free one)\n"
        == refused.stderr
    )


def test_no_network_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    """A first start without a network."""
    refused = run(
        *("broker", "up", "--port", "0", "--data-dir", tmp_path / "data"),
        FRAUDSTREAM_CACHE_DIR=str(tmp_path / "cache"),
        FRAUDSTREAM_MAVEN_REPOSITORY="http://127.0.0.1:9/maven",
    )

    assert 2 == refused.returncode
    assert 1 == len(refused.stderr.splitlines())
    assert "connect to the network once" in refused.stderr


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_in_the_foreground_it_ends_with_the_command(tmp_path: Path, ending: signal.Signals) -> None:
    """Ctrl-C or a service manager's SIGTERM stops the broker in order; exit code 0 and nothing left running."""
    with foreground(tmp_path) as (process, _):
        process.send_signal(ending)
        output, errors = process.communicate(timeout=PATIENCE_S)

    assert 0 == process.returncode, errors
    assert output.endswith("stopped\n")
    assert None is running_state(tmp_path)


def test_a_crash_in_the_foreground_is_exit_code_70(tmp_path: Path) -> None:
    """Kafka dies under the command: it says so and ends, for whoever watches it to start it again."""
    with foreground(tmp_path) as (process, pid):
        os.kill(pid, signal.SIGKILL)
        _, errors = process.communicate(timeout=PATIENCE_S)

    assert 70 == process.returncode
    assert "Kafka ended by itself with code -9" in errors


class foreground:  # noqa: N801 - reads as a verb in `with foreground(…)`
    """Run `broker up --foreground` until it says that it waits for Ctrl-C; killed in any case at the end."""

    def __init__(self, data_dir: Path) -> None:
        arguments = ["broker", "up", "--foreground", "--port", "0", "--data-dir", str(data_dir)]
        self.data_dir = data_dir
        self.process = subprocess.Popen(
            [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def __enter__(self) -> tuple[subprocess.Popen[str], int]:
        assert self.process.stdout is not None
        while "Ctrl-C" not in (line := self.process.stdout.readline()):
            assert line, self.process.communicate()
        state = running_state(self.data_dir)
        assert state is not None
        return self.process, state.pid

    def __exit__(self, *_error: object) -> None:
        self.process.kill()
        self.process.wait()


def test_topics_are_created_listed_and_described(broker: Broker, fresh_settings: Settings) -> None:
    """The three commands, on names of this test alone."""
    names = {
        "FRAUDSTREAM_BROKER": broker.bootstrap,
        "FRAUDSTREAM_TOPIC_PREFIX": fresh_settings.topic_prefix,
        "FRAUDSTREAM_APP_ID": fresh_settings.app_id,
    }
    before = json.loads(run("topics", "list", "--json", **names).stdout)
    created = json.loads(run("topics", "create", "--json", **names).stdout)["created"]
    again = run("topics", "create", **names).stdout
    listed = run("topics", "list", COLUMNS="160", **names).stdout
    described = json.loads(run("topics", "describe", "decisions", "--json", **names).stdout)
    unknown = run("topics", "describe", "nonsense", **names)

    assert {0} == {row["partitions"] for row in before}
    assert set(all_topics(fresh_settings)) == set(created)
    assert f"0 created, {len(created)} existed already\n" == again
    assert f"{fresh_settings.topic_prefix}fraud-alerts" in listed
    assert "30 d" in listed
    assert (fresh_settings.partitions, fresh_settings.partitions, "delete") == (
        described["partitions"],
        described["leaders"],
        described["config"]["cleanup.policy"],
    )
    assert 2 == unknown.returncode
    assert "there is no topic nonsense" in unknown.stderr


def test_topics_without_a_broker_say_how_to_start_one() -> None:
    """With code 75, so that a script may try again later."""
    refused = run("topics", "list", "--broker", "127.0.0.1:9")

    assert 75 == refused.returncode
    assert (
        "Error: no Kafka broker answers at 127.0.0.1:9; start one with: fraudstream broker up\n"
        == refused.stderr
    )
