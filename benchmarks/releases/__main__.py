"""`python -m benchmarks.releases`: switching releases under load and kills, and a canary that is stopped by its guardrail."""

import json
import tempfile
from dataclasses import asdict
from pathlib import Path

import click

from benchmarks.lone_worker import told
from benchmarks.releases.canary import canary_stopped
from benchmarks.releases.stage import stage
from benchmarks.releases.swap import swap


@click.command()
@click.option("--rate", default=5_000, show_default=True, help="Payments a second.")
@click.option("--seconds", default=20.0, show_default=True, help="Of each load.")
@click.option("--switches", default=4, show_default=True, help="During a load.")
@click.option("--kills", default=5, show_default=True, help="Around a switch each.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path(".fraudstream/bench-releases"),
    show_default=True,
    help="Directory of the world and its model, made once.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON line.")
def main(rate: int, seconds: float, switches: int, kills: int, data: Path, as_json: bool) -> None:
    """Measure, and print what was found.

    Exit codes: 0 nothing lost, nothing unequal, canary stopped; 1 otherwise.
    """
    with tempfile.TemporaryDirectory() as directory, stage(Path(directory), data) as made:
        swapped = swap(made, rate, seconds, switches, kills)
        stopped = canary_stopped(made)
    found = {"swap": asdict(swapped), "canary_stopped": stopped}
    if not as_json:
        for name, value in asdict(swapped).items():
            told(f"{name:<16} {value}")
    click.echo(json.dumps(found))
    raise SystemExit(bool(swapped.lost or swapped.unequal or not stopped))


if __name__ == "__main__":
    main()
