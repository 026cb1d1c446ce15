"""The options --history and --archive: payments in a directory, or in a bucket."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import click

from fraudstream.adapters.archive.opening import S3
from fraudstream.domain.errors import SetupError

Command = TypeVar("Command", bound=Callable[..., Any])


class Place(click.ParamType):
    """A directory that exists, or s3://bucket/prefix."""

    name = "place"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it as text."""
        if str(value).startswith(S3):
            return str(value)
        return str(click.Path(exists=True, file_okay=False).convert(value, param, ctx))


archive_option = click.option(
    "--archive",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Directory of the archive.  [default: FRAUDSTREAM_ARCHIVE]",
)


def history_option(
    what: str = "Payments to read", default: str = "<data_dir>/history"
) -> Callable[[Command], Command]:
    """Return the option; `what` is done with the payments."""
    return click.option(
        "--history",
        type=Place(),
        help=f"{what}: a history or an archive, in a directory or s3://bucket/prefix.  [default: {default}]",
    )


@contextmanager
def payments_at(given: str | None, default: Path, first: date = date.min) -> Iterator[Path]:
    """Yield a directory with the payments; those in a bucket are copied from the day `first` on, and removed afterwards.

    Raises SetupError if a bucket has none.
    """
    from fraudstream.adapters.archive.copied import archive_directory

    place = given or str(default)
    with archive_directory(place, first) as directory:
        if place.startswith(S3) and not any(directory.glob("date=*/*.parquet")):
            since = "" if first == date.min else f" from {first} on"
            raise SetupError(f"there are no payments in {place}{since}")
        yield directory
