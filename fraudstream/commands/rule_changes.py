"""Commands of `fraudstream rules` that change the draft."""

import json
from collections.abc import Callable
from typing import Any, get_args

import click
import msgspec

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.rules import changes
from fraudstream.adapters.rules.draft import RulesetDraft
from fraudstream.domain.errors import SetupError
from fraudstream.domain.rules import Mode, Outcome, Rule, Ruleset, RuleState
from fraudstream.settings import Settings

json_option = click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
name_argument = click.argument("name")

NEEDED: tuple[Callable[..., Any], ...] = (
    click.option("--when", help="The condition, in SQL."),
    click.option("--outcome", type=click.Choice(get_args(Outcome)), help="What it asks for."),
)
OTHERS: tuple[Callable[..., Any], ...] = (
    click.option("--priority", type=int, help="Rules are looked at from the highest to the lowest."),
    click.option("--tag", "tags", multiple=True, help="For people; repeat it for several."),
    click.option("--reason", help="What analysts read of an alert that it made."),
    click.option("--owner", help="Who answers for it."),
    click.option("--expires-at", help="ISO 8601 with zone; events from then on are not judged by it."),
    click.option("--pass-share", type=float, help="Share of the events it holds for that it leaves alone."),
    click.option("--state", type=click.Choice(get_args(RuleState)), help="What it does."),
    click.option("--overrides/--no-overrides", default=None, help="Stand against stricter outcomes."),
)


def with_options(*options: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command several options."""

    def decorated(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return decorated


@click.command()
@name_argument
@with_options(*NEEDED, *OTHERS)
@json_option
def add(name: str, as_json: bool, **given: Any) -> None:
    """Add the rule NAME to the draft; --when and --outcome are needed.

    Exit codes: 0 added, 2 there is such a rule, it is wrong, or somebody else changed the draft at the same time.
    """
    for needed in ("when", "outcome"):
        if given[needed] is None:
            raise SetupError(f"a new rule needs --{needed}")

    rule = msgspec.structs.replace(Rule(name, given["when"], given["outcome"]), **_changes(given))
    _change(f"added {name}", name, lambda ruleset: changes.added(ruleset, rule), as_json)


@click.command()
@name_argument
@with_options(*NEEDED, *OTHERS)
@json_option
def edit(name: str, as_json: bool, **given: Any) -> None:
    """Change the rule NAME of the draft: what is given, and nothing else. An empty --expires-at ends the expiry.

    Exit codes: 0 changed, 2 there is no such rule, it is wrong, or somebody else changed the draft at the same time.
    """
    wanted = _changes(given)
    if not wanted:
        raise SetupError("say what to change, e.g. --when 'amount > 500'; see: fraudstream rules edit --help")
    _change(f"changed {name}", name, lambda ruleset: changes.replaced(ruleset, name, **wanted), as_json)


@click.command()
@name_argument
@json_option
def pause(name: str, as_json: bool) -> None:
    """Let the rule NAME of the draft judge nothing.

    Exit codes: 0 paused, 2 there is no such rule, or somebody else changed the draft at the same time.
    """
    _change(f"paused {name}", name, lambda ruleset: changes.replaced(ruleset, name, state="paused"), as_json)


@click.command()
@name_argument
@json_option
def resume(name: str, as_json: bool) -> None:
    """Let the rule NAME of the draft judge: make it active.

    Exit codes: 0 active, 2 there is no such rule, or somebody else changed the draft at the same time.
    """
    _change(f"resumed {name}", name, lambda ruleset: changes.replaced(ruleset, name, state="active"), as_json)


@click.command()
@name_argument
@json_option
def remove(name: str, as_json: bool) -> None:
    """Remove the rule NAME from the draft; releases that have it keep it.

    Exit codes: 0 removed, 2 there is no such rule, or somebody else changed the draft at the same time.
    """
    _change(f"removed {name}", name, lambda ruleset: changes.removed(ruleset, name), as_json)


@click.command()
@click.argument("mode", type=click.Choice(get_args(Mode)))
@json_option
def mode(mode: Mode, as_json: bool) -> None:
    """Say which of several rules that hold decides: the one with the strictest outcome, or the first.

    Exit codes: 0 done, 2 a rule does not allow it, or somebody else changed the draft at the same time.
    """
    _change(f"mode {mode}", "", lambda ruleset: Ruleset(ruleset.rules, mode), as_json)


def _change(what: str, name: str, change: Callable[[Ruleset], Ruleset], as_json: bool) -> None:
    """Change the draft and say what it is now."""
    settings = Settings()
    event_type = event_type_named(settings.event_type)
    after = RulesetDraft.of(settings, event_type).change(what, change)
    if as_json:
        said = [msgspec.to_builtins(rule) for rule in after.rules if rule.name == name]
        click.echo(
            json.dumps({"version": after.version, "mode": after.mode, "rule": said[0] if said else None})
        )
        return
    click.echo(
        f"{what}: {len(after.rules)} rules, version {after.version}; make a release of them with: fraudstream releases draft --rules draft"
    )


def _changes(given: dict[str, Any]) -> dict[str, Any]:
    """Return what was given, as a rule has it."""
    found = {key: value for key, value in given.items() if value is not None and value != ()}
    if "expires_at" in found:
        found["expires_at"] = changes.moment(found["expires_at"]) if found["expires_at"] else None
    return found


CHANGES = (add, edit, pause, resume, remove, mode)
