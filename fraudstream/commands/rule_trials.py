"""Commands of `fraudstream rules` that change nothing: check, try on an event, compare."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import polars as pl

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.rules.draft import RulesetDraft
from fraudstream.adapters.rules.file import rules_of
from fraudstream.commands.rule_changes import json_option
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.schema import EVENT_TIME, TRANSACTION_ID, Type
from fraudstream.domain.releases.differences import differences_of_rules
from fraudstream.domain.rule_columns import rule_columns
from fraudstream.domain.rules import Rule, Ruleset
from fraudstream.settings import Settings

EVENT_BYTES_MAX = 1_000_000

rules_option = click.option(
    "--rules",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="TOML or JSON file with rules.  [default: the draft]",
)


def _chosen(path: Path | None) -> tuple[EventType, Ruleset]:
    """Return the event type, and the rules of a file or the draft, each checked."""
    settings = Settings()
    event_type = event_type_named(settings.event_type)
    if path is not None:
        return event_type, rules_of(path, event_type, event_type.features)
    ruleset = RulesetDraft.of(settings, event_type).read().ruleset
    for rule in ruleset.rules:
        rule.check(rule_columns(event_type, event_type.features))
    return event_type, ruleset


@click.command()
@rules_option
@json_option
def check(path: Path | None, as_json: bool) -> None:
    """Check the draft, or a file of rules, against the event type: syntax, columns, types, cost.

    Exit codes: 0 all rules are valid, 2 one is not; the message says which, where in it and what there is instead.
    """
    _, ruleset = _chosen(path)
    if as_json:
        said = {"rules": len(ruleset.rules), "mode": ruleset.mode, "version": ruleset.version}
        click.echo(json.dumps(said))
        return
    click.echo(f"{len(ruleset.rules)} rules are valid, mode {ruleset.mode}, version {ruleset.version}")


@click.command()
@click.argument("event", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@rules_option
@json_option
def test(event: Path, path: Path | None, as_json: bool) -> None:
    """Try the rules of the draft, or of a file, on an EVENT: a JSON file with values of columns, or a decision.

    A column that the file does not have has no value: a rule about it does not hold. Shadow rules are tried, paused ones and drafts not.

    Exit codes: 0 tried, 2 the file or a rule is not valid.
    """
    event_type, ruleset = _chosen(path)
    columns = rule_columns(event_type, event_type.features) | {
        TRANSACTION_ID.name: TRANSACTION_ID.dtype,
        EVENT_TIME.name: EVENT_TIME.dtype,
    }
    values, unused = _values_of(event, columns)
    frame = _frame(event, values, columns)
    held = {rule.name: _holds(rule, frame) for rule in ruleset.evaluated}
    judged = ruleset.judge(frame).drop(columns).row(0, named=True)
    if as_json:
        click.echo(json.dumps({**judged, "holds": held, "unused": unused}))
        return
    for rule in ruleset.evaluated:
        said = {True: "holds", False: "does not hold", None: "has no value"}[held[rule.name]]
        click.echo(f"{said:<14} {rule.name}: {rule.outcome} if {rule.when}")
    click.echo(
        f"outcome {judged.pop('outcome')}; "
        + "; ".join(f"{key} {_said(value)}" for key, value in judged.items())
    )
    if unused:
        click.echo(f"not used, because no rule can name them: {', '.join(unused)}")


@click.command()
@click.argument("release", required=False, type=click.IntRange(min=1))
@json_option
def diff(release: int | None, as_json: bool) -> None:
    """Show what the draft changes: compared with the rules of the event type's file, or of RELEASE.

    Exit codes: 0 nothing differs, 1 something does, 2 no such release.
    """
    from fraudstream.adapters.releases.store import Releases

    settings = Settings()
    event_type = event_type_named(settings.event_type)
    after = RulesetDraft.of(settings, event_type).read().ruleset.described()
    before = (
        event_type.ruleset.described() if release is None else Releases.of(settings).numbered(release).ruleset
    )
    found = differences_of_rules(before, after)
    if as_json:
        click.echo(json.dumps([each._asdict() for each in found]))
    else:
        for each in found:
            click.echo(f"{each.what}\n  before: {_said(each.before)}\n  draft:  {_said(each.after)}")
        if not found:
            click.echo("nothing differs")
    raise SystemExit(bool(found))


def _values_of(path: Path, columns: Mapping[str, Type]) -> tuple[dict[str, Any], list[str]]:
    """Return the values of columns in a file, and the names of those that are none."""
    try:
        content = path.read_bytes()[: EVENT_BYTES_MAX + 1]
        said = json.loads(content)
    except ValueError as error:
        raise SetupError(f"{path} is not JSON of up to {EVENT_BYTES_MAX:,} bytes: {error}") from error
    if not isinstance(said, dict):
        raise SetupError(f'{path} is not a JSON object: write e.g. {{"amount": 12.5, "merchant": "shop"}}')
    for nested in ("variables", "features"):
        said |= said.pop(nested) if isinstance(said.get(nested), dict) else {}
    said = {TRANSACTION_ID.name: "", EVENT_TIME.name: time.time_ns() // 1_000_000} | said
    return {name: said.get(name) for name in columns}, [name for name in said if name not in columns]


def _frame(path: Path, values: Mapping[str, Any], columns: Mapping[str, Type]) -> pl.DataFrame:
    series = []
    for name, value in values.items():
        try:
            series.append(pl.Series(name, [value], columns[name]))
        except (TypeError, pl.exceptions.PolarsError) as error:
            raise SetupError(f"{path}: {name} cannot be {value!r}; it is {columns[name]}") from error
    return pl.DataFrame(series)


def _holds(rule: Rule, frame: pl.DataFrame) -> bool | None:
    """Return whether a rule's own condition holds; None if a value that it needs is missing."""
    names = rule.condition().meta.root_names()
    held: bool = bool(Ruleset([Rule("r", rule.when, "review")]).judge(frame)["rules"].item().to_list())
    return held if held or not any(frame[name].has_nulls() for name in names) else None


def _said(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


TRIALS = (test, check, diff)
