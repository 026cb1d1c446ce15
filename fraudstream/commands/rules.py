"""`fraudstream rules`: the draft of an event type's rules, which a release is made of."""

import json

import click
import msgspec

from fraudstream.commands.group import Group
from fraudstream.commands.rule_changes import CHANGES, json_option
from fraudstream.commands.rule_trials import TRIALS
from fraudstream.settings import Settings


@click.group(cls=Group)
def rules() -> None:
    """List, add, change, pause, remove and try rules of a draft, from which `fraudstream releases draft --rules draft` makes a release.

    The draft begins as a copy of the rules in the event type's file.
    """


@rules.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the rules of the draft in the order in which they are looked at, and who changed it last.

    Exit codes: 0 listed (there may be none), 2 the draft cannot be read.
    """
    from fraudstream.adapters.event_types import event_type_named
    from fraudstream.adapters.rules.draft import RulesetDraft

    settings = Settings()
    draft = RulesetDraft.of(settings, event_type_named(settings.event_type)).read()
    ordered = sorted(draft.ruleset.rules, key=lambda rule: -rule.priority)
    last = draft.last and {"at": draft.last.at, "by": draft.last.by, "what": draft.last.what}
    if as_json:
        said = {"mode": draft.ruleset.mode, "version": draft.ruleset.version, "last_change": last}
        click.echo(json.dumps(said | {"rules": [msgspec.to_builtins(rule) for rule in ordered]}))
        return
    for rule in ordered:
        click.echo(f"{rule.state:<7} {rule.priority:>4} {rule.outcome:<8} {rule.name}: {rule.when}")
    click.echo(
        f"{len(ordered)} rules, mode {draft.ruleset.mode}, version {draft.ruleset.version}; "
        + (f"{last['what']} by {last['by']}, {last['at'][:16]}" if last else "as in the event type's file")
    )


for command in (*CHANGES, *TRIALS):
    rules.add_command(command)
