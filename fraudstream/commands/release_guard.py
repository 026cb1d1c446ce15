"""`fraudstream releases guard`: stops a canary that decides otherwise than it may."""

import asyncio
import json

import click

from fraudstream.adapters.releases import entries
from fraudstream.adapters.releases.store import Releases
from fraudstream.commands.release_changes import changed, json_option
from fraudstream.domain.releases.guardrails import Limits
from fraudstream.domain.releases.release import name_of
from fraudstream.settings import Settings

USUAL = Limits()


@click.command()
@click.option(
    "--ratio",
    type=click.FloatRange(1),
    default=USUAL.ratio,
    show_default=True,
    help="How many times as many entities with alerts, or with degraded decisions, as the champion; half as many alerts for 2.",
)
@click.option(
    "--drift",
    type=click.FloatRange(0),
    default=USUAL.drift,
    show_default=True,
    help="Population stability index of the scores.",
)
@click.option(
    "--p99-ms",
    type=click.FloatRange(0),
    default=USUAL.p99_ms,
    show_default=True,
    help="From a record's timestamp to its decision.",
)
@click.option(
    "--entities-min",
    type=click.IntRange(50),
    default=USUAL.entities_min,
    show_default=True,
    help="How many entities the canary decides before it is judged.",
)
@click.option(
    "--for",
    "for_s",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Watch so long.  [default: until there is no canary]",
)
@json_option
def guard(
    ratio: float, drift: float, p99_ms: float, entities_min: int, for_s: float | None, as_json: bool
) -> None:
    """Watch the canary beside the champion, from now on, and stop it as soon as it hits a guardrail: then the champion decides all again.

    Rates are those of entities, and have to differ by more than chance does (four standard errors). Run it for as long as there is a canary.

    Exit codes: 0 the canary went on or ended otherwise, 1 it was stopped, 2 Kafka refuses access, 75 no broker, or workers were not told: publish.
    """
    from fraudstream.adapters.releases.guarding import guarded
    from fraudstream.traffic.session import quiet_kafka

    settings = Settings()
    store = Releases.of(settings)
    limits = Limits(ratio, USUAL.z, drift, p99_ms, entities_min)
    quiet_kafka()
    judged = asyncio.run(guarded(settings, store, limits, for_s))
    number = judged.canary.release
    said = {
        "canary": number,
        "stopped": bool(judged.why),
        "why": judged.why,
        "entities": len(judged.decided.entities),
        "champion_entities": len(judged.champion.entities),
    }
    if judged.why and number is not None:
        changed(settings, store, entries.stopped_by_guardrail(store, number, judged.why))
    if as_json:
        click.echo(json.dumps(said))
    elif number is None:
        click.echo("there is no canary")
    elif judged.why:
        click.echo(f"stopped {name_of(store.event_type, number)}: {'; '.join(judged.why)}")
    else:
        click.echo(f"{name_of(store.event_type, number)} hit no guardrail with {said['entities']:,} entities")
    raise SystemExit(bool(judged.why))
