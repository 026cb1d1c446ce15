"""Options of the commands that read other people's files."""

import codecs
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

Command = TypeVar("Command", bound=Callable[..., Any])


class Column(click.ParamType):
    """OURS=THEIRS."""

    name = "ours=theirs"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Return both names."""
        if isinstance(value, tuple):
            return value
        ours, equals, theirs = str(value).partition("=")
        if not (ours and equals and theirs):
            self.fail(f"{value!r} does not name two columns; write it as cc_num=card_number", param, ctx)
        return ours.strip(), theirs.strip()


column_option = click.option(
    "--column",
    "columns",
    type=Column(),
    multiple=True,
    help="The file's column THEIRS is our column OURS, e.g. cc_num=card_number; repeatable.",
)


class Encoding(click.ParamType):
    """Python's name of an encoding of text."""

    name = "encoding"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name under which it is known."""
        try:
            found = codecs.lookup(str(value))
            "".encode(found.name)  # raises LookupError for codecs that are not text encodings: hex, zip
        except LookupError:
            self.fail(f"{value!r} is not an encoding of text; examples are utf-8 and latin-1", param, ctx)
        return found.name


encoding_option = click.option(
    "--encoding",
    type=Encoding(),
    default="utf-8",
    show_default=True,
    help="CSV: encoding of the text, e.g. latin-1.",
)


def one_character(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return an option that is one character, or not given."""
    if value is not None and len(value) != 1:
        raise click.BadParameter(f"{value!r} is not one character", param_hint="--delimiter")
    return value


delimiter_option = click.option(
    "--delimiter",
    default=",",
    show_default=True,
    callback=one_character,
    help="CSV: the character between cells.",
)


def named(columns: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """Return our name -> the file's; raises UsageError if a column is named twice."""
    for side in (0, 1):
        names = [pair[side] for pair in columns]
        repeated = {name for name in names if names.count(name) > 1}
        if repeated:
            raise click.UsageError(f"--column names {', '.join(sorted(repeated))} more than once")
    return dict(columns)


def fraud_value_option(
    default: str = "yes, true, 1, fraud and their opposites",
) -> Callable[[Command], Command]:
    """Return the option that says which values of a label mean fraud; `default`: what means it otherwise."""
    return click.option(
        "--fraud-value",
        "fraud_values",
        multiple=True,
        help=f"Value of the label that means fraud, repeatable; every other value means no fraud.  [default: {default}]",
    )


class Zone(click.ParamType):
    """The name of a time zone."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name."""
        try:
            return ZoneInfo(str(value)).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fail(f"{value!r} is not a time zone; write it as Europe/Berlin", param, ctx)


def time_options(command: Command) -> Command:
    """Add the options that say how times are written."""
    unit = click.option(
        "--time-unit",
        type=click.Choice(["s", "ms", "us", "ns"]),
        help="Unit of times that are numbers.  [default: derived from their size]",
    )
    zone = click.option(
        "--time-zone", type=Zone(), default="UTC", show_default=True, help="Time zone of times without one."
    )
    form = click.option(
        "--time-format", help="strptime format of times that are not ISO 8601, e.g. '%d/%m/%Y %H:%M'."
    )
    return unit(zone(form(command)))
