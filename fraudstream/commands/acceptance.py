"""`fraudstream acceptance`: the story of the AWS streaming feature-store sample's last notebook, sent to a worker."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from fraudstream.settings import Settings


@click.command()
@click.option("--broker", help="Kafka bootstrap servers.  [default: FRAUDSTREAM_BROKER or localhost:9092]")
@click.option(
    "--only",
    type=click.Choice(["keyed", "unkeyed"]),
    help="Send the payments only with keys, or only without.  [default: both, at the same time]",
)
@click.option(
    "--cards-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="File of card numbers to use, one per line.  [default: cards of the history's last week]",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Random seed of the amounts, the pauses and the choice among cards without payments in the last ten minutes.",
)
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(0, min_open=True), default=20.0, show_default=True,
    help="Seconds to wait for a decision.",
)  # fmt: skip
@click.option(
    "--stories",
    type=click.IntRange(1),
    help="Score this many stories with the model alone, without a worker and Kafka.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
def acceptance(
    broker: str | None,
    only: str | None,
    cards_file: Path | None,
    seed: int,
    timeout_s: float,
    stories: int | None,
    as_json: bool,
) -> None:
    """Send the test of the AWS streaming feature-store sample to a running worker: three single payments, then ten with one card, 1-2 s apart.

    It passes if the first three and the first of the ten are decided as not fraud, and the other nine as fraud. It takes about 20 seconds.

    Exit codes: 0 PASS, 1 FAIL, 2 no worker or not enough cards, 75 no broker.
    """
    from fraudstream.acceptance.lines import HEADER, closing, shown
    from fraudstream.acceptance.live import tell_live
    from fraudstream.settings import Settings
    from fraudstream.traffic.session import quiet_kafka

    settings = Settings.with_options(broker=broker)
    if stories is not None:
        _tell_offline(settings, stories, seed, as_json)
        return
    quiet_kafka()
    keyings = [False, True] if only is None else [only == "keyed"]

    def announce(origin: str) -> None:
        click.echo(f"{origin}; the story takes about 20 s", err=True)
        if not as_json:
            click.echo(HEADER)

    results = asyncio.run(
        tell_live(
            settings,
            keyings=keyings,
            cards_file=cards_file,
            seed=seed,
            timeout_s=timeout_s,
            on_start=announce,
            on_line=lambda line: None if as_json else click.echo(shown(line)),
        )
    )
    passed = all(result.passed for result in results)
    if as_json:
        click.echo(json.dumps({"passed": passed, "runs": [result.facts() for result in results]}))
    else:
        for result in results:
            click.echo(closing(result))
    sys.exit(0 if passed else 1)


def _tell_offline(settings: "Settings", stories: int, seed: int, as_json: bool) -> None:
    """Print how many of many stories each feature set's model decides right."""
    from fraudstream.acceptance.offline import results

    told = results(settings, stories, seed)
    if as_json:
        click.echo(json.dumps([_facts(version, features, result) for version, features, result in told]))
        return
    for version, features, result in told:
        click.echo(f"{features} (model {version}): {result.pass_rate:.1%} of {result.stories:,} stories pass")
        by_position = "  ".join(
            f"{number}: {share:.1%}" for number, share in enumerate(result.flagged_by_position, 1)
        )
        click.echo(
            f"  flagged: the three single payments {result.singles_flagged:.1%}; of the ten  {by_position}"
        )


def _facts(version: str, features: str, result: Any) -> dict[str, Any]:
    return {
        "features": features,
        "model": version,
        "stories": result.stories,
        "pass_rate": result.pass_rate,
        "singles_flagged": result.singles_flagged,
        "flagged_by_position": list(result.flagged_by_position),
    }
