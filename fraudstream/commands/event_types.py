"""`fraudstream event-types`: list and show event types, check a file of one's own, and draft one from a CSV file."""

import json
import sys
from pathlib import Path

import click

from fraudstream.commands.file_options import delimiter_option, encoding_option
from fraudstream.commands.group import Group


@click.group(cls=Group)
def event_types() -> None:
    """List, show, check and draft event types: TOML files that declare the fields of an event, its features and its rules."""


@event_types.command("list")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
def list_(as_json: bool) -> None:
    """List the event types of the package, with entity, amount and number of variables.

    Exit code: 0.
    """
    from fraudstream.adapters import event_types as adapter
    from fraudstream.domain.events.summary import facts_of, line_of_list

    found = [adapter.event_type_named(name) for name in adapter.event_types()]
    if as_json:
        click.echo(json.dumps([facts_of(each) for each in found]))
        return
    width = max(len(each.name) for each in found)
    for each in found:
        click.echo(f"{each.name:<{width}}  {line_of_list(each)}")


@event_types.command()
@click.argument("name_or_file")
@click.option(
    "--json", "as_json", is_flag=True, help="What is declared as one JSON object, with the defaults."
)
def show(name_or_file: str, as_json: bool) -> None:
    """Print the TOML of an event type: the NAME of one of the package, or a FILE.

    `fraudstream event-types show card > payment.toml` is a start for a file of your own.

    Exit codes: 0 printed, 2 there is no such event type, or (with --json) it is not valid.
    """
    from fraudstream.adapters.event_types import event_type_named, text_of
    from fraudstream.domain.events.summary import facts_of

    if as_json:
        click.echo(json.dumps(facts_of(event_type_named(name_or_file))))
    else:
        click.echo(text_of(name_or_file), nl=False)


@event_types.command()
@click.argument("file")
@click.option(
    "--json", "as_json", is_flag=True, help="What is declared as one JSON object, with the defaults."
)
def check(file: str, as_json: bool) -> None:
    """Check the FILE of an event type and show what it declares; an error names the line, the cause and the fix.

    To use the event type, set FRAUDSTREAM_EVENT_TYPE=FILE for workers and commands.

    Exit codes: 0 valid, 2 not valid, or no such file.
    """
    from fraudstream.adapters.event_types import event_type_named
    from fraudstream.domain.events.summary import facts_of, lines_of

    event_type = event_type_named(file)
    if as_json:
        click.echo(json.dumps(facts_of(event_type)))
        return
    click.echo(f"{file} is a valid event type: {event_type.name}")
    lines = lines_of(event_type)
    width = max(map(len, lines))
    for subject, said in lines.items():
        click.echo(f"  {subject:<{width}}  {said}")


@event_types.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", help="Name of the event type.  [default: the file's]")
@encoding_option
@delimiter_option
def infer(file: Path, name: str | None, encoding: str, delimiter: str) -> None:
    """Draft an event type from the header and the first rows of a CSV FILE, and print it to stdout.

    Entity, id, time, amount and label are recognised by names and values; every other column becomes a variable with a type.
    Each guess has a comment: check those first. No value of the file is printed.

    Exit codes: 0 drafted, 2 the file cannot be read, or no column looks like an amount (the draft is printed without it).
    """
    from fraudstream.offline.infer_columns import inferred
    from fraudstream.offline.infer_text import toml_of

    found = inferred(file, name, encoding, delimiter)
    click.echo(toml_of(found), nl=False)
    if found.amount is None:
        click.echo("no column looks like an amount: fill in [amount] yourself", err=True)
        sys.exit(2)
