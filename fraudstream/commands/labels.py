"""`fraudstream labels`: what events turned out to be."""

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fraudstream.commands.file_options import (
    column_option,
    delimiter_option,
    encoding_option,
    fraud_value_option,
    named,
)
from fraudstream.commands.group import Group
from fraudstream.commands.label_report import report as label_report
from fraudstream.commands.produce import broker_option, json_option, show_bad
from fraudstream.domain.labels import SOURCES
from fraudstream.settings import Settings

if TYPE_CHECKING:
    from fraudstream.domain.labels import Label, LabelSource


@click.group(cls=Group)
def labels() -> None:
    """Publish what events turned out to be, on the topic `labels`, and report how good decisions were by it."""


labels.add_command(label_report)


@labels.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@broker_option
@click.option(
    "--source",
    type=click.Choice(SOURCES),
    default="import",
    show_default=True,
    help="Who found out: a review, a chargeback, the customer.",
)
@column_option
@fraud_value_option()
@encoding_option
@delimiter_option
@click.option("--skip-bad", is_flag=True, help="Skip bad rows instead of refusing the file.")
@json_option
def import_(
    file: Path,
    broker: str | None,
    source: "LabelSource",
    columns: tuple[tuple[str, str], ...],
    fraud_values: tuple[str, ...],
    encoding: str,
    delimiter: str,
    skip_bad: bool,
    as_json: bool,
) -> None:
    """Publish the labels of a CSV FILE with the columns transaction_id, fraud, and if there are any known_at and note.

    known_at is when it became known (ISO 8601, UTC without a zone); without it that is now. Training uses only what was known at the
    time. Of several labels of an event the latest counts, so importing a file again changes nothing.

    Exit codes: 0 published, 2 bad rows or bad input (nothing was published), 75 no broker.
    """
    from fraudstream.adapters.event_types import event_type_named
    from fraudstream.traffic.label_file import LabelReader, labels_in, require_ids

    settings = Settings.with_options(broker=broker)
    require_ids(event_type_named(settings.event_type))
    reader = LabelReader(source, time.time_ns() // 1_000_000, fraud_values)
    found, bad = labels_in(file, reader, named(columns), encoding, delimiter)
    show_bad(bad, skip_bad, file)
    asyncio.run(_send(settings, found))
    said = {
        "published": len(found),
        "fraud": sum(label.fraud is True for label in found),
        "legitimate": sum(label.fraud is False for label in found),
        "unsure": sum(label.fraud is None for label in found),
        "bad": len(bad),
    }
    if as_json:
        click.echo(json.dumps(said))
    else:
        skipped = f", {len(bad):,} bad rows skipped" if bad else ""
        click.echo(
            f"published {len(found):,} labels: {said['fraud']:,} fraud, {said['legitimate']:,} legitimate, "
            f"{said['unsure']:,} unsure{skipped}"
        )


async def _send(settings: Settings, found: "list[Label]") -> None:
    from fraudstream.traffic.label_file import send_labels
    from fraudstream.traffic.session import publishing, quiet_kafka

    quiet_kafka()
    async with publishing(settings, f"{settings.app_id}-labels") as publisher:
        await send_labels(publisher, settings, found)
