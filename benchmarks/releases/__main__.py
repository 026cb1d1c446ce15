"""`python -m benchmarks.releases`: releases switched under load and kills, a canary that is stopped, and all of it decided again."""

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from benchmarks.lone_worker import data_option, told
from benchmarks.releases.again import archived, disagreements, explained, large
from benchmarks.releases.canary import canary_stopped
from benchmarks.releases.stage import stage
from benchmarks.releases.swap import swap


@click.command()
@click.option("--rate", default=5_000, show_default=True, help="Payments a second.")
@click.option("--seconds", default=20.0, show_default=True, help="Of each load.")
@click.option("--switches", default=4, show_default=True, help="During a load.")
@click.option("--turns", default=2, show_default=True, help="Loads without switches, and with.")
@click.option("--kills", default=5, show_default=True, help="Around a switch each.")
@click.option("--explain", default=10_000, show_default=True, help="Decisions that are made again.")
@click.option("--payments", default=5_400_000, show_default=True, help="Payments of the large backtest.")
@click.option("--swap-only", is_flag=True, help="Switch releases, and nothing else.")
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON line.")
def main(
    rate: int,
    seconds: float,
    switches: int,
    turns: int,
    kills: int,
    explain: int,
    payments: int,
    swap_only: bool,
    data: Path,
    as_json: bool,
) -> None:
    """Measure, and print what was found.

    Exit codes: 0 nothing lost, nothing unequal, canary stopped, all predicted and explained as decided; 1 otherwise.
    """
    with tempfile.TemporaryDirectory() as directory, stage(Path(directory), data) as made:
        swapped = swap(made, rate, seconds, switches, kills, turns)
        found: dict[str, Any] = {"swap": asdict(swapped)}
        if not swap_only:
            stopped = canary_stopped(made)
            archive = archived(made, Path(directory) / "archive")
            again = explained(made, archive, explain)
            predicted = disagreements(made, archive, Path(directory) / "predicted")
    if not swap_only:
        found |= {
            "backtest": {**large(data, payments), **predicted},
            "explain": again,
            "canary_stopped": stopped,
        }
    if not as_json:
        for part, values in found.items():
            for name, value in values.items() if isinstance(values, dict) else [("", values)]:
                told(f"{part:<15} {name:<16} {value}")
    click.echo(json.dumps(found))
    alike = swap_only or (again["asked"] == again["identical"] and not predicted["disagreements"] and stopped)
    raise SystemExit(not alike or bool(swapped.lost or swapped.unequal))


if __name__ == "__main__":
    main()
