"""`fraudstream drift`: whether payments, scores and decisions are still what they were."""

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from fraudstream.adapters.models.registry import ACTIVE
from fraudstream.commands.archive import Moment
from fraudstream.commands.history_place import archive_option

HEADER = f"{'':<30} {'PSI':>8} {'payments':>10} {'before':>10} {'needed':>8} {'outside':>8}"


@click.command()
@archive_option
@click.option(
    "--until",
    "until_ms",
    type=Moment(),
    help="End of the time that is looked at.  [default: that of the archive]",
)
@click.option(
    "--days",
    type=click.IntRange(min=1),
    default=7,
    show_default=True,
    help="Days up to then, which are compared with as many before.",
)
@click.option(
    "--weeks",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="Weeks of the precision of rules.",
)
@click.option(
    "--model",
    "version",
    default=ACTIVE,
    show_default=True,
    help="Model version whose training is compared with.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def drift(
    archive: Path | None, until_ms: int | None, days: int, weeks: int, version: str, as_json: bool
) -> None:
    """Compare the newest archived payments with what the model learnt from, and with the days before.

    Features, scores, outcomes, rules and reasons: how far they are apart (PSI), and whether chance explains it. What is too little to
    tell is said. Rules have their precision week by week, by the labels that are known now.

    Exit codes: 0 nothing drifted, 1 something did, 2 no payments, no model or a usage error.
    """
    from fraudstream.adapters.archive.copied import archive_directory
    from fraudstream.adapters.event_types import event_type_named
    from fraudstream.adapters.models.files import name_of
    from fraudstream.adapters.models.registry import Registry
    from fraudstream.backtest.source import Source
    from fraudstream.drift.report import Drift
    from fraudstream.offline.ranges import ranges_in
    from fraudstream.settings import Settings

    settings = Settings()
    models = Registry.of(settings)
    manifest = models.manifest(models.resolve(version))
    with archive_directory(settings.archive_place if archive is None else str(archive)) as directory:
        source = Source(directory, event_type_named(settings.event_type))
        report = Drift(source, ranges_in(manifest), name_of(manifest), days, until_ms, weeks).report()
    click.echo(json.dumps(report) if as_json else "\n".join(_lines(report)))
    sys.exit(1 if report["drifted"] else 0)


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    yield f"{_day(report['from_ms'])} to {_day(report['until_ms'])}: {report['payments']:,} payments, {report['payments_before']:,} in as many days before"
    for name, against in (
        ("training", f"training of model {report['model']}"),
        ("before", "the days before"),
    ):
        if not report[name]:
            yield f"not compared with {against}: {report['why_no_training'] if name == 'training' else 'there are none'}"
            continue
        yield ""
        yield f"against {against}"
        yield HEADER
        yield from (_line(each) for each in report[name])
    yield ""
    yield (
        f"drifted: {', '.join(report['drifted']) or 'nothing'} (PSI of {report['shift']} or more, and chance excluded but for {report['false_alarms']:.0%})"
    )
    if report["cannot_tell"]:
        yield f"too few payments to tell: {', '.join(report['cannot_tell'])}"
    if report["precision"]:
        yield ""
        yield f"{'precision of rules':<30} {'payments':>10} {'fraud':>8} {'good':>8} {'no label':>9} {'precision':>9}"
    for week in report["precision"]:
        precision = "-" if week["precision"] is None else f"{week['precision']:.3f}"
        yield (
            f"{_day(week['from_ms'])} {week['rule']:<19} {week['payments']:>10,} {week['fraud']:>8,} {week['good']:>8,} "
            f"{week['unlabelled']:>9,} {precision:>9}"
        )


def _line(compared: Mapping[str, Any]) -> str:
    said = {True: "drifted", False: "", None: "too few to tell"}[compared["drifted"]]
    needed = "-" if compared["payments_needed"] is None else f"{compared['payments_needed']:,}"
    outside = "" if compared["outside"] is None else f"{compared['outside']:.2%}"
    return (
        f"{compared['name']:<30} {compared['psi']:>8.4f} {compared['payments']:>10,} {compared['payments_before']:>10,} "
        f"{needed:>8} {outside:>8}  {said}"
    ).rstrip()


def _day(time_ms: int) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d}"
