"""`fraudstream models report`: what model versions are worth."""

import json
from pathlib import Path

import click

from fraudstream.adapters.models.registry import ACTIVE, Registry
from fraudstream.commands.history_place import history_option, payments_at
from fraudstream.domain.errors import SetupError


@click.command()
@click.argument("version", default=ACTIVE)
@click.option("--against", multiple=True, help="Version to show beside it, on the same payments; repeatable.")
@history_option("Payments to judge by")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="HTML file to write.  [default: report-<event type>-<version>.html here]",
)
@click.option(
    "--review-cost",
    type=click.FloatRange(min=0),
    default=5.0,
    show_default=True,
    help="What it costs to look at one alert, in the currency of the amounts.",
)
@click.option(
    "--hit-cost",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="What an alert on a legitimate payment costs beside that.",
)
@click.option(
    "--saved-share",
    type=click.FloatRange(min=0, max=1),
    default=1.0,
    show_default=True,
    help="Share of a caught fraud's amount that is saved.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the reports as one JSON array; no page unless --out is given.",
)
def report(
    version: str,
    against: tuple[str, ...],
    history: str | None,
    out: Path | None,
    review_cost: float,
    hit_cost: float,
    saved_share: float,
    as_json: bool,
) -> None:
    """Write what a VERSION is worth as one HTML page: curves, money, calibration, attacks, segments, by a threshold that can be moved.

    It is judged by payments later than those it has learnt from. Without VERSION it is the active one.

    Exit codes: 0 written, 2 no such version, or no labelled payment is late enough.
    """
    from fraudstream.adapters.event_types import event_type_named
    from fraudstream.adapters.files import write_atomically
    from fraudstream.report.making import make_reports
    from fraudstream.report.money import Costs
    from fraudstream.report.page import page_of
    from fraudstream.settings import Settings

    settings = Settings()
    models = Registry.of(settings)
    first = str(models.resolve(version))
    with payments_at(history, settings.history_dir) as payments:
        reports = make_reports(
            [first, *against],
            models,
            payments,
            event_type_named(settings.event_type),
            partitions=settings.partitions,
            costs=Costs(review_cost, hit_cost, saved_share),
            step=lambda text: None if as_json else click.echo(f"{text} ...", err=True),
        )
    page = out or (None if as_json else Path(f"report-{models.event_type}-{first}.html"))
    if page is not None:
        try:
            write_atomically(page, page_of(reports).encode())
        except OSError as error:
            raise SetupError(f"{page} cannot be written ({error.strerror})") from error
    if as_json:
        click.echo(json.dumps(reports))
        return
    for each in reports:
        figures = each["figures"]
        click.echo(
            f"model {each['about']['version']}: AUC {_between(figures['auc'])}, average precision "
            f"{_between(figures['average_precision'])}, recall at 1 alert per 1,000 {_between(figures['recall_at_1_per_1000'])}"
        )
        for warned in each["warnings"]:
            click.echo(f"  {warned['sentence']}")
    click.echo(f"in {page}")


def _between(figure: dict[str, float]) -> str:
    return f"{figure['value']:.4f} ({figure['low']:.4f} to {figure['high']:.4f})"
