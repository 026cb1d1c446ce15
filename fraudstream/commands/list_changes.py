"""Commands of `fraudstream lists` that change what is on them."""

from pathlib import Path

import click

from fraudstream.commands.list_access import entities_of, entry_of, read_lists, told, values_of, write_changes
from fraudstream.domain.lists.entries import SNOOZE, Change
from fraudstream.settings import Settings

json_option = click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
name_argument = click.argument("name")
why_option = click.option("--why", default="", help="The reason, kept with the entry.")
until_option = click.option(
    "--until", default="", help="ISO 8601 with zone; events from then on do not find it.  [default: for ever]"
)


@click.command()
@name_argument
@click.argument("values", nargs=-1, required=True)
@until_option
@why_option
@json_option
def add(name: str, values: tuple[str, ...], until: str, why: str, as_json: bool) -> None:
    """Put VALUES on the list NAME; on a list of cards give numbers or tokens. A shell keeps what is typed: import a file of card numbers instead.

    Exit codes: 0 written, 2 no such list, or a value is none, 75 no broker.
    """
    from fraudstream.adapters.lists.values import moment

    settings = Settings()
    reader = values_of(settings, read_lists(settings), name)
    entry = entry_of(moment(until), why)
    write_changes(settings, [Change(name, kept, entry) for value in values for kept in reader.of(value)])
    told(as_json, f"{len(values):,} on list {name}", list=name, added=len(values))


@click.command()
@name_argument
@click.argument("values", nargs=-1, required=True)
@json_option
def remove(name: str, values: tuple[str, ...], as_json: bool) -> None:
    """Take VALUES off the list NAME.

    Exit codes: 0 written (also if one was not on it), 2 no such list, or a value is none, 75 no broker.
    """
    settings = Settings()
    reader = values_of(settings, read_lists(settings), name)
    write_changes(settings, [Change(name, kept, None) for value in values for kept in reader.of(value)])
    told(as_json, f"{len(values):,} off list {name}", list=name, removed=len(values))


@click.command("import")
@name_argument
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@why_option
@json_option
def import_(name: str, file: Path, why: str, as_json: bool) -> None:
    """Put the values of a CSV FILE on the list NAME: columns value, and if there are any until and why.

    The file is read twice, a line at a time: nothing is written unless all of it is right. Values that are on the list stay.

    Exit codes: 0 written, 2 no such list, or the file has mistakes or too many lines (nothing was written), 75 no broker.
    """
    from fraudstream.adapters.lists.changes import imported
    from fraudstream.adapters.lists.values import checked, rows_of
    from fraudstream.adapters.models.registry import this_user

    settings = Settings()
    reader = values_of(settings, read_lists(settings), name)
    rows = checked(file, reader)

    write_changes(settings, imported(rows_of(file, reader), name, this_user(), why), rows)
    told(as_json, f"{rows:,} on list {name}", list=name, added=rows)


@click.command()
@click.argument("rule")
@click.argument("entity")
@click.option(
    "--until", required=True, help="ISO 8601 with zone; events from then on are judged by the rule again."
)
@why_option
@json_option
def snooze(rule: str, entity: str, until: str, why: str, as_json: bool) -> None:
    """Let RULE not judge the events of an ENTITY (card number, token, or id) until a moment.

    Exit codes: 0 written, 2 the entity or the moment is none, 75 no broker.
    """
    from fraudstream.adapters.lists.values import moment

    settings = Settings()
    entry = entry_of(moment(until), why)
    write_changes(settings, [Change(SNOOZE + rule, kept, entry) for kept in entities_of(settings, entity)])
    told(as_json, f"rule {rule} does not judge this entity until {until}", rule=rule, until=until)


@click.command()
@click.argument("rule")
@click.argument("entity")
@json_option
def wake(rule: str, entity: str, as_json: bool) -> None:
    """End a snooze: let RULE judge the events of an ENTITY again.

    Exit codes: 0 written (also if there was none), 2 the entity is none, 75 no broker.
    """
    settings = Settings()
    write_changes(settings, [Change(SNOOZE + rule, kept, None) for kept in entities_of(settings, entity)])
    told(as_json, f"rule {rule} judges this entity again", rule=rule)


CHANGES = (add, remove, import_, snooze, wake)
