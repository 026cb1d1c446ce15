"""`fraudstream acceptance`: does a worker see fraud where the AWS sample's last notebook says it is?"""

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fraudstream.domain.errors import SetupError

if TYPE_CHECKING:
    from fraudstream.settings import Settings
    from fraudstream.traffic.acceptance import Line, Verdict

HEADER = "sent                 card      amount  10 min: n, mean        p  outcome  verdict    expected"


@click.command()
@click.option("--broker", help="Kafka bootstrap servers.  [default: FRAUDSTREAM_BROKER or localhost:9092]")
@click.option(
    "--only",
    type=click.Choice(["keyed", "unkeyed"]),
    help="Send with or without a key.  [default: both at once]",
)
@click.option(
    "--cards-file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Take the cards from this file, one number a line.  [default: the last week of the history]",
)
@click.option(
    "--seed", type=click.IntRange(0), help="Which amounts, pauses and cards.  [default: others every time]"
)
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(0, min_open=True), default=20.0, show_default=True,
    help="Seconds to wait for a decision.",
)  # fmt: skip
@click.option(
    "--stories",
    type=click.IntRange(1),
    help="Offline: tell this many stories to the model instead of the worker.",
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
    """Tell a running worker the sample's story: three single payments, then ten on one card 1-2 s apart.

    The first three and the first of the ten are not fraud, the other nine are. It takes about 20 seconds.

    Exit codes: 0 PASS, 1 FAIL, 2 no worker, no broker or nothing to take cards from.
    """
    from fraudstream.settings import Settings
    from fraudstream.traffic.run import quiet_kafka

    settings = Settings() if broker is None else Settings(broker=broker)
    if stories is not None:
        _tell_offline(settings, stories, seed, as_json)
        return
    quiet_kafka()
    keyings = [False, True] if only is None else [only == "keyed"]
    try:
        verdicts = asyncio.run(_tell_live(settings, keyings, cards_file, seed, timeout_s, as_json))
    except* SetupError as errors:  # both runs say the same
        raise errors.exceptions[0] from None
    passed = all(verdict.passed for verdict in verdicts)
    if as_json:
        click.echo(json.dumps({"passed": passed, "runs": [verdict.facts() for verdict in verdicts]}))
    else:
        for verdict in verdicts:
            click.echo(closing(verdict))
    sys.exit(0 if passed else 1)


async def _tell_live(
    settings: "Settings",
    keyings: Sequence[bool],
    cards_file: Path | None,
    seed: int,
    timeout_s: float,
    quiet: bool,
) -> "list[Verdict]":
    import numpy as np

    from fraudstream import topics
    from fraudstream.adapters.tail import following
    from fraudstream.traffic import acceptance as story
    from fraudstream.traffic.cards import candidates, idle
    from fraudstream.traffic.run import publishing

    rng = np.random.default_rng(seed)
    needed = len(keyings) * story.CARDS
    cards = candidates(settings, cards_file, rng, needed)
    async with (
        publishing(settings, f"{settings.app_id}-acceptance") as publisher,
        following(settings.broker, settings.topic(topics.DECISIONS.name), settings.partitions) as tail,
    ):
        numbers = await idle(cards.numbers, tail, settings, needed)
        click.echo(f"{cards.origin}; the story takes about 20 s", err=True)
        if not quiet:
            click.echo(HEADER)
        return await story.run(
            settings,
            publisher,
            tail,
            numbers,
            rng,
            keyings=keyings,
            timeout_s=timeout_s,
            on_line=lambda line: None if quiet else click.echo(shown(line)),
        )


def shown(line: "Line") -> str:
    """Return one payment of the story in one line."""
    sent_at = time.strftime("%H:%M:%S", time.localtime(line.sent_at_ms / 1000))
    how = "keyed" if line.keyed else "unkeyed"
    start = f"{sent_at} {how:<7} {line.position:>2}  **{line.card_last4} {line.amount:>9,.2f}"
    expected = "fraud" if line.expected_fraud else "not fraud"
    if line.decision is None:
        return (
            f"{start}  no decision within {line.waited_ms / 1000:.0f} s, expected {expected}  {_mark(False)}"
        )
    decision = line.decision
    features = decision["features"]
    count, mean = features["num_trans_last_10m"], features["avg_amt_last_10m"]
    verdict = "FRAUD" if decision["fraud"] else "not fraud"
    reasons = f"  {'; '.join(decision['reasons'])}" if decision["reasons"] else ""
    return (
        f"{start}  {count:>9}, {mean:>9,.2f}  {decision['probability']:>7.4f}  {decision['outcome']:<7}  "
        f"{verdict:<9}  {expected:<9} {_mark(line.ok)}{reasons}"
    )


def closing(verdict: "Verdict") -> str:
    """Say how one telling of the story ended."""
    wrong = sum(not line.ok for line in verdict.lines)
    how = "keyed" if verdict.keyed else "unkeyed"
    if verdict.passed:
        return (
            click.style("PASS", fg="green", bold=True)
            + f" {how}: all {len(verdict.lines)} payments as expected"
        )
    return (
        click.style("FAIL", fg="red", bold=True)
        + f" {how}: {wrong} of {len(verdict.lines)} payments not as expected"
    )


def _mark(ok: bool) -> str:
    return click.style("ok   ", fg="green") if ok else click.style("WRONG", fg="red", bold=True)


def _tell_offline(settings: "Settings", stories: int, seed: int, as_json: bool) -> None:
    """Print how many of many stories each feature set's model decides right."""
    from fraudstream.traffic.offline_stories import results

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
