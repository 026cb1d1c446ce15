"""`fraudstream broker`: a real Kafka on this machine, without Docker."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from fraudstream.adapters.broker import (
    AlreadyRunning,
    BrokerError,
    BrokerState,
    EmbeddedBroker,
    running_state,
    stop_broker,
)
from fraudstream.adapters.broker.embedded import LOG_FILE
from fraudstream.adapters.broker.jars import OnBytes
from fraudstream.adapters.broker.process import LEAN_JVM
from fraudstream.adapters.kafka.admin import answers, until_ready
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.commands.group import Group
from fraudstream.settings import Settings

LOOPBACK = frozenset({"localhost", "127.0.0.1"})
"""Hosts in FRAUDSTREAM_BROKER under which the embedded broker is reached."""

STOPPED_IN_ORDER = (0, 130, 143)
"""Java's exit codes after no signal, SIGINT and SIGTERM."""

ANSWER_TIMEOUT_S = 30.0
FOLLOW_INTERVAL_S = 0.2
STAY_INTERVAL_S = 0.1

data_dir_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the broker keeps its data.  [default: broker/ in FRAUDSTREAM_DATA_DIR]",
)


@click.group(cls=Group)
def broker() -> None:
    """Run a real Kafka on this machine: one data directory, one Java process, reachable from this machine only."""


@broker.command(short_help="Start the broker.")
@data_dir_option
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 picks a free one.  [default: the port in FRAUDSTREAM_BROKER, 9092]",
)
@click.option(
    "--heap-mb", type=click.IntRange(64), default=256, show_default=True, help="Heap of the Java process, MB."
)
@click.option(
    "--java-option",
    "java_options",
    multiple=True,
    help=f"Option for Java, repeatable; replaces the defaults {' '.join(LEAN_JVM)}.",
)
@click.option("--foreground", is_flag=True, help="Do not return; stop the broker at Ctrl-C.")
@click.pass_context
def up(
    ctx: click.Context,
    data_dir: Path | None,
    port: int | None,
    heap_mb: int,
    java_options: tuple[str, ...],
    foreground: bool,
) -> None:
    """Start the broker and return when it answers; the first start downloads Kafka (44 MB).

    Exit codes: 0 it runs (also if it was running already), 2 it cannot run, 70 it crashed in the foreground.
    """
    settings = Settings()
    port_asked = port is not None or "broker" in settings.model_fields_set
    port = _port_here(settings.broker) if port is None else port
    with _download_progress() as on_bytes:
        kafka = EmbeddedBroker(
            _data_dir(data_dir),
            port,
            heap_mb=heap_mb,
            java_options=java_options or LEAN_JVM,
            detached=not foreground,
            on_bytes=on_bytes,
        )
        try:
            kafka.start()
        except AlreadyRunning:
            _greet_running(kafka, port if port_asked else 0)
            return
    assert kafka.state is not None
    click.echo(f"Kafka {kafka.state.kafka_version} runs at {kafka.bootstrap} (process {kafka.state.pid})")
    click.echo(f"data and {LOG_FILE} are in {kafka.data_dir}")
    if foreground:
        ctx.exit(_stay(kafka))


@broker.command()
@data_dir_option
def down(data_dir: Path | None) -> None:
    """Stop the broker and keep its data. The exit code is 0 even if no broker runs."""
    directory = _data_dir(data_dir)
    stopped = stop_broker(directory)
    click.echo(f"stopped the broker at {stopped.bootstrap}" if stopped else f"no broker runs on {directory}")


@broker.command()
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def status(ctx: click.Context, data_dir: Path | None, as_json: bool) -> None:
    """Show whether the broker runs and answers. Exit codes: 0 it does, 1 it does not."""
    directory = _data_dir(data_dir)
    state = running_state(directory)
    answering = state is not None and asyncio.run(answers(Kafka(state.bootstrap)))
    if as_json:
        click.echo(json.dumps(_facts(directory, state, answering)))
    elif state is None:
        click.echo(f"no broker runs on {directory}; start one with: fraudstream broker up")
    else:
        for name, value in _facts(directory, state, answering).items():
            click.echo(f"{name.replace('_', ' '):<14} {value}")
    ctx.exit(0 if answering else 1)


@broker.command()
@data_dir_option
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    help="How many lines to print, from the end.",
)
@click.option("-f", "--follow", is_flag=True, help="Print new lines as they come, until Ctrl-C.")
def logs(data_dir: Path | None, lines: int, follow: bool) -> None:
    """Print the end of Kafka's log."""
    path = _data_dir(data_dir) / LOG_FILE
    if not path.exists():
        raise BrokerError(
            f"no broker has run here yet, {path} does not exist; start one with: fraudstream broker up"
        )
    with path.open(errors="replace") as log:
        click.echo("".join(log.readlines()[-lines:]), nl=False)
        while follow:
            if line := log.readline():
                click.echo(line, nl=False)
            else:
                time.sleep(FOLLOW_INTERVAL_S)


def _port_here(broker: str) -> int:
    """Return the port of a host:port on this machine; raises BrokerError if it is another machine's, or several."""
    host, _, port = broker.rpartition(":")
    if host not in LOOPBACK or not port.isdecimal():
        raise BrokerError(
            f"FRAUDSTREAM_BROKER={broker} is not a port of this machine, where `fraudstream broker up` starts a Kafka; "
            "set it to localhost:9092, or choose a port with --port"
        )
    return int(port)


def _data_dir(named: Path | None) -> Path:
    return (named or Settings().data_dir / "broker").absolute()


def _greet_running(kafka: EmbeddedBroker, port_asked: int) -> None:
    """Say that the broker runs already, once it answers; refuse if another port was asked for."""
    state = running_state(kafka.data_dir)
    if state is None:
        raise BrokerError(f"the broker on {kafka.data_dir} has just stopped; run the command again")
    if port_asked not in (0, state.port):
        raise AlreadyRunning(
            f"the broker on {kafka.data_dir} already runs on port {state.port}; "
            "stop it with fraudstream broker down, or choose another --data-dir"
        )
    alive = until_ready(
        Kafka(state.bootstrap),
        state.cluster_id,
        ANSWER_TIMEOUT_S,
        lambda: running_state(kafka.data_dir) is not None,
    )
    if not asyncio.run(alive):
        raise BrokerError(
            f"the broker at {state.bootstrap} (process {state.pid}) does not answer; see {kafka.log_path}, "
            "and restart it with: fraudstream broker down && fraudstream broker up"
        )
    click.echo(f"Kafka {state.kafka_version} is already running at {state.bootstrap} (process {state.pid})")


def _stay(kafka: EmbeddedBroker) -> int:
    """Wait for Ctrl-C or SIGTERM, then stop the broker; return the exit code.

    The handlers only take note: an exception raised in a handler is lost if it comes while an object is being finalised.
    """
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: asked.append(number))
    click.echo("press Ctrl-C to stop it")
    while (code := kafka.exit_code()) is None and not asked:
        time.sleep(STAY_INTERVAL_S)
    kafka.stop()
    if code is None or code in STOPPED_IN_ORDER:
        click.echo("stopped")
        return 0
    click.echo(f"Error: Kafka ended by itself with code {code}; see {kafka.log_path}", err=True)
    return 70


def _facts(directory: Path, state: BrokerState | None, answering: bool) -> dict[str, object]:
    """Return what `status` shows; times in seconds."""
    facts: dict[str, object] = {"running": state is not None, "answers": answering}
    if state is not None:
        facts |= {
            "bootstrap": state.bootstrap,
            "port": state.port,
            "pid": state.pid,
            "uptime_s": round(state.uptime_s, 1),
            "cluster_id": state.cluster_id,
            "kafka_version": state.kafka_version,
            "java": state.java,
        }
    return facts | {"data_dir": str(directory), "log": str(directory / LOG_FILE)}


@contextmanager
def _download_progress() -> Iterator[OnBytes]:
    """Show a bar on standard error as soon as the first bytes of a download arrive."""
    bar = Progress(
        TextColumn("downloading Kafka"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=Console(file=sys.stderr),
    )
    task = bar.add_task("")

    def on_bytes(done_bytes: int, total_bytes: int) -> None:
        bar.start()
        bar.update(task, completed=done_bytes, total=total_bytes)

    try:
        yield on_bytes
    finally:
        if bar.live.is_started:  # stopping a bar that never was shown would print an empty line
            bar.stop()
