"""`fraudstream demo`: everything at once, on this machine, from nothing."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fraudstream.adapters.extras import check_installed
from fraudstream.domain.errors import SetupError

if TYPE_CHECKING:
    from fraudstream.demo.show import Demo


@click.command()
@click.option(
    "--for", "for_s", type=click.FloatRange(1),
    help="End after this many seconds of traffic; the exit code is the result of the acceptance test.  [default: run until Ctrl-C]",
)  # fmt: skip
@click.option(
    "--rate", type=click.FloatRange(1, 1000), default=50.0, show_default=True, help="Payments a second."
)
@click.option(
    "--attacks", type=click.FloatRange(0), default=20.0, show_default=True,
    help="Rate of attacks, as a multiple of that in the history; high, so that there is something to see.",
)  # fmt: skip
@click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False),
    help="Directory for all data of the demo.  [default: demo/ in FRAUDSTREAM_DATA_DIR]",
)  # fmt: skip
@click.option("--plain", is_flag=True, help="Print plain lines on a terminal, too.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object at the end; the rest goes to stderr."
)
def demo(
    for_s: float | None, rate: float, attacks: float, data_dir: Path | None, plain: bool, as_json: bool
) -> None:
    """Start a broker, a worker and simulated live traffic, and show how fraud is found.

    The first run downloads Kafka, generates a history and trains a model; later runs start in seconds. Ctrl-C stops everything it started.

    Exit codes: 0 the acceptance test passed, 1 it failed or a process of the demo ended, 2 set-up error,
    130 stopped before the acceptance test was decided, or with --for before the time was over.
    """
    check_installed(
        "duckdb", "sklearn", "fastapi", "sqlalchemy", "alembic", "argon2", what="the demo", extra="demo"
    )
    from rich.console import Console

    from fraudstream.demo.live import LiveScreen
    from fraudstream.demo.screen import Screen
    from fraudstream.demo.show import Demo, play
    from fraudstream.process.children import ChildFailed
    from fraudstream.settings import Settings
    from fraudstream.traffic.session import quiet_kafka

    quiet_kafka()
    settings = Settings()
    if settings.kafka_security_protocol != "PLAINTEXT":
        raise SetupError("the demo starts its own Kafka, which has no login; unset FRAUDSTREAM_KAFKA_*")
    directory = (data_dir or settings.data_dir / "demo").absolute()
    shown = Demo(settings.model_copy(update={"data_dir": directory}), rate, attacks, for_s)
    console = Console(stderr=as_json)
    plainly = plain or not console.is_terminal
    screen = Screen(lambda line: click.echo(line, err=as_json)) if plainly else LiveScreen(console)
    try:
        with screen:
            ended = asyncio.run(play(shown, screen))
    except ChildFailed as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    click.echo(json.dumps(facts(shown)) if as_json else summary(shown))
    sys.exit(_exit_code(shown, ended))


def _exit_code(shown: "Demo", ended: bool) -> int:
    """Return 0 or 1 if the story came to its end, 130 if not or if a demo with --for was stopped early."""
    if shown.passed is None or (not ended and shown.for_s is not None):
        return 130
    return 0 if shown.passed else 1


def facts(shown: "Demo") -> dict[str, Any]:
    """Return what happened, for a script."""
    board = {} if shown.board is None else shown.board.facts()
    first = shown.first_alert_s
    return {
        **board,
        "first_alert_s": None if first is None else round(first, 1),
        "passed": shown.passed,
        "acceptance": [result.facts() for result in shown.results or ()],
    }


def summary(shown: "Demo") -> str:
    """Say what happened, in a few lines."""
    from fraudstream.demo.screen import share

    board = shown.board
    if board is None:
        return "stopped before the worker was ready; nothing is left running"
    latency = board.latency
    lines = [f"decided {board.decided:,} payments and raised {board.alerts:,} alerts"]
    if shown.first_alert_s is not None:
        lines[0] += f", the first {shown.first_alert_s:.1f} s after the start"
    lines.append(
        f"precision {share(board.precision)}, recall {share(board.recall)} of {board.fraud:,} fraudulent payments "
        "(the first payment of an attack looks like any other)"
    )
    if latency:
        lines.append(f"from payment to decision: p50 {latency.p50:.1f} ms, p99 {latency.p99:.1f} ms")
    lines += [
        f"acceptance {'PASS' if result.passed else 'FAIL'} {'keyed' if result.keyed else 'unkeyed'}"
        for result in shown.results or ()
    ]
    lines.append("nothing is left running")
    return "\n".join(lines)
