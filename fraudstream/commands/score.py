"""`fraudstream score`: what a release would say of an event, also with other features."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from fraudstream.commands.predict_event import event_in


class Told(click.ParamType):
    """NAME=NUMBER."""

    name = "name=number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float | None]:
        """Return the name and what it is; None if there is no number."""
        if isinstance(value, tuple):
            return value
        name, equals, number = str(value).partition("=")
        try:
            told = None if number == "null" else float(number)
        except ValueError:
            equals = ""
        if not (name and equals):
            self.fail(f"{value!r} does not tell a feature; write it as count_ratio=0.3", param, ctx)
        return name.strip(), told


@click.command()
@click.argument("event", type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True))
@click.option(
    "--feature",
    "features",
    type=Told(),
    multiple=True,
    help="What a feature is instead, such as count_ratio=0.3, or null; repeatable.",
)
@click.option(
    "--release",
    type=click.IntRange(min=1),
    help="Number of the release that judges.  [default: the active one, or FRAUDSTREAM_MODEL if none is]",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def score(
    event: Path, features: tuple[tuple[str, float | None], ...], release: int | None, as_json: bool
) -> None:
    """Say what a release would decide about the one event in the JSON file EVENT (- for standard input).

    Nothing is counted, published or archived. Windows hold the event alone, unless --feature says otherwise; weekly
    aggregates are those of the workers' store. A broker is only asked if the rules ask lists.

    Exit codes: 0 judged, 1 it is no event, 2 bad input or options, 75 a store or broker does not answer.
    """
    from fraudstream.domain.errors import InvalidTransaction

    content = msgspec.json.encode(event_in(event))
    try:
        judged = asyncio.run(_judged(content, dict(features), release))
    except InvalidTransaction as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    click.echo(msgspec.json.encode(judged).decode() if as_json else "\n".join(_lines(judged)))


async def _judged(event: bytes, told: Mapping[str, float | None], release: int | None) -> dict[str, Any]:
    from fraudstream.adapters.event_types import event_type_named
    from fraudstream.adapters.weekly.stores import weekly_store
    from fraudstream.domain.events.parser import Parser, entity_index
    from fraudstream.predict.what_if import WhatIf
    from fraudstream.predict.what_if_detectors import WhatIfDetectors
    from fraudstream.settings import Settings

    settings = Settings()
    event_type = event_type_named(settings.event_type)
    entities = entity_index(event_type, settings.tokenizer(), settings.partitions)
    parser = Parser(event_type, entities, settings.future_tolerance_s * 1000)
    weekly = weekly_store(settings)
    what_if = WhatIf(parser, event_type, settings.lateness_horizon_s * 1000, weekly)
    chosen = await WhatIfDetectors(settings, event_type).chosen(release)
    await weekly.connect()
    try:
        known = await what_if.known(event, chosen.detector)
    finally:
        await weekly.close()
    return what_if.judged(known, chosen, told)


def _lines(judged: Mapping[str, Any]) -> list[str]:
    by = judged["release"] or f"model {judged['model_version']}, rules {judged['ruleset_version']}"
    rows = {
        "outcome": judged["outcome"],
        "score": f"{judged['score']} (probability {judged['probability']:.4f})",
        "rules": ", ".join(judged["rules"]),
        "reasons": "; ".join(judged["reasons"]),
        "degraded": ", ".join(judged["degraded"]),
        "judged by": by,
    }
    features = [
        f"  {name:<24} {value}{'  (told)' if name in judged['told'] else ''}"
        for name, value in judged["features"].items()
    ]
    return [*(f"{name:<10} {value}" for name, value in rows.items() if value), "features", *features]
