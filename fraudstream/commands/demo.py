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
    help="End by itself after so many seconds of traffic, with the acceptance's verdict.  [default: at Ctrl-C]",
)  # fmt: skip
@click.option(
    "--rate", type=click.FloatRange(1, 1000), default=50.0, show_default=True, help="Payments a second."
)
@click.option(
    "--attacks", type=click.FloatRange(0), default=20.0, show_default=True,
    help="How many attacks, as a multiple of the history's; more, so that there is something to see.",
)  # fmt: skip
@click.option(
    "--data-dir", type=click.Path(path_type=Path, file_okay=False),
    help="Where everything is kept.  [default: demo/ in FRAUDSTREAM_DATA_DIR]",
)  # fmt: skip
@click.option("--plain", is_flag=True, help="Plain lines also on a terminal.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object at the end; the rest goes to stderr."
)
def demo(
    for_s: float | None, rate: float, attacks: float, data_dir: Path | None, plain: bool, as_json: bool
) -> None:
    """Start a broker, a simulated world, a worker and live traffic, and show fraud being found.

    The first run downloads Kafka and trains a model; later ones start in seconds. Ctrl-C ends everything it started.

    Exit codes: 0 the acceptance story passed (or you ended it), 1 it failed or something died, 2 wrong set-up,
    130 stopped before the end.
    """
    from rich.console import Console

    from fraudstream.demo.live import LiveScreen
    from fraudstream.demo.screen import Screen
    from fraudstream.demo.show import Demo, play
    from fraudstream.process.children import ChildFailed
    from fraudstream.settings import Settings
    from fraudstream.traffic.session import quiet_kafka

    quiet_kafka()
    check_installed("duckdb", "sklearn", what="the demo", extra="demo")
    settings = Settings()
    if settings.kafka_security_protocol != "PLAINTEXT":
        raise SetupError("the demo has a Kafka of its own, without a login; unset FRAUDSTREAM_KAFKA_*")
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
        "(the first of an attack looks honest)"
    )
    if latency:
        lines.append(f"from payment to decision: p50 {latency.p50:.1f} ms, p99 {latency.p99:.1f} ms")
    lines += [
        f"acceptance {'PASS' if result.passed else 'FAIL'} {'keyed' if result.keyed else 'unkeyed'}"
        for result in shown.results or ()
    ]
    lines.append("nothing is left running")
    return "\n".join(lines)
