"""`fraudstream parity`: compares what the stream computes with what the batch path computes."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click


@click.command()
@click.option(
    "--payments",
    type=click.IntRange(min=1),
    help="How many payments to compare.  [default: all of the history; 50,000 with --made-up]",
)
@click.option(
    "--made-up",
    is_flag=True,
    help="Use generated payments instead of the history: with equal times, out of order, late and repeated.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Random seed of --made-up."
)
@click.option("--broker", help="Kafka bootstrap servers.  [default: an embedded broker for this run]")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON, in the last line.")
def parity(payments: int | None, made_up: bool, seed: int, broker: str | None, as_json: bool) -> None:
    """Replay payments through a real worker and compare every feature, to the last bit, with what training computes.

    It uses topics, state and weekly aggregates of its own, and the active model. The first differences are printed.
    Exit codes: 0 all equal, 1 something differs, 2 no history or no model.
    """
    from fraudstream.adapters.event_types import event_type_named
    from fraudstream.adapters.extras import check_installed
    from fraudstream.commands.progress import bar
    from fraudstream.parity import payments as streams
    from fraudstream.parity.proof import ParityListener, private, prove
    from fraudstream.settings import Settings
    from fraudstream.traffic.session import quiet_kafka

    check_installed("duckdb", what="this")
    settings = Settings()
    quiet_kafka()
    if made_up:
        stream = streams.made_up(payments or 50_000, seed, event_type_named(settings.event_type))
    else:
        stream = streams.of_history(settings.history_dir, event_type_named(settings.event_type), payments)
    with tempfile.TemporaryDirectory(prefix="fraudstream-parity-") as directory:
        own = private(settings, Path(directory) / "data")
        with (
            _broker(broker, Path(directory) / "kafka") as bootstrap,
            bar("Deciding", stream.height) as advance,
        ):
            own = own.model_copy(update={"broker": bootstrap})
            listener = ParityListener(lambda text: click.echo(f"{text} ...", err=True), advance)
            report = asyncio.run(prove(own, stream, listener))
    for difference in report.first:
        click.echo(str(difference))
    facts = report.facts()
    if as_json:
        click.echo(json.dumps(facts))
    else:
        click.echo(", ".join(f"{number:,} {name}" for name, number in facts.items()))
    sys.exit(0 if report.equal else 1)


@contextmanager
def _broker(given: str | None, directory: Path) -> Iterator[str]:
    """Yield the address of the broker to use."""
    if given is not None:
        yield given
        return
    from fraudstream.adapters.broker import EmbeddedBroker

    with EmbeddedBroker(directory) as started:
        yield started.bootstrap
