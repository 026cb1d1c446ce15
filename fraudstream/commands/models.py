"""`fraudstream models`: the versions of an event type's models, and what they are worth."""

import json
from typing import Any

import click

from fraudstream.adapters.models.registry import ACTIVE, Registry
from fraudstream.commands.group import Group
from fraudstream.commands.model_files import export_, import_
from fraudstream.commands.model_report import report
from fraudstream.commands.treatment_lines import treatment_lines
from fraudstream.domain.registry.insight import InsightScale, false_positive_rate
from fraudstream.domain.registry.version_log import LogEntry, State, VersionLog
from fraudstream.domain.registry.versions import Version
from fraudstream.settings import Settings

SHOWN_SCORES = (600, 900, 975)
"""Of the insight scale."""

why_option = click.option("--why", default="", help="The reason, for the history.")
json_option = click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")


@click.group(cls=Group)
def models() -> None:
    """List, show, compare, activate, retire and delete model versions of the event type that is set, and judge what they are worth."""


@models.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List all versions with their states, the newest last.

    Exit codes: 0 listed (there may be none), 2 the models cannot be read.
    """
    log = Registry.of(Settings()).log()
    rows = [
        {"version": str(version), "state": state.value, **_end(log.of(version))}
        for version, state in log.states.items()
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        click.echo(f"{row['version']:<8} {row['state']:<9} {row['at'][:16]}  {row['why'][:100]}")
    if not rows:
        click.echo(f"no models of event type {log.event_type} yet; train one with: fraudstream train")


@models.command()
@click.argument("version", default=ACTIVE)
@json_option
def show(version: str, as_json: bool) -> None:
    """Show a VERSION: what it was trained on, its figures, its files, and what happened to it. Default: the active one.

    Of one that is in training, has failed or was deleted it shows what happened, and why.

    Exit codes: 0 shown, 2 no such version.
    """
    registry = Registry.of(Settings())
    number = registry.listed(version)
    entries = registry.log().of(number)
    told = [entry.described() for entry in entries]
    manifest = registry.manifest(number) if registry.has_files(number) else None
    if as_json:
        known = manifest or {"version": str(number), "event_type": registry.event_type}
        click.echo(json.dumps({**known, "state": entries[-1].state.value, "history_of_version": told}))
        return
    click.echo(f"{registry.event_type} {number}: {entries[-1].state}")
    if manifest is not None:
        _show_made(manifest)
    for entry in entries:
        click.echo(f"{entry.at[:16]}  {entry.action:<9} by {entry.by}: {entry.why}")


def _show_made(manifest: dict[str, Any]) -> None:
    """Print what a version was made of, its figures and files."""
    click.echo(f"features   {', '.join(manifest['features'])}")
    for line in treatment_lines(manifest):
        click.echo(line)
    for name in ("train", "test"):
        if name in manifest:
            part = manifest[name]
            click.echo(f"{name:<10} {part['rows']:,} events, {part['first'][:10]} to {part['last'][:10]}")
    for name, value in manifest.get("metrics", {}).items():
        click.echo(f"  {name:<32} {value:.4f}")
    if "insight_scale" in manifest:
        scale = InsightScale.of(manifest["insight_scale"])
        for score in SHOWN_SCORES:
            click.echo(
                f"insight    {score} from probability {scale.threshold(score):.4f}: at most "
                f"{false_positive_rate(score):.1%} of legitimate events"
            )
    for name, described in manifest["files"].items():
        click.echo(f"file       {name}, {described['bytes']:,} bytes, SHA-256 {described['sha256']}")


@models.command()
@click.argument("versions", nargs=-1, required=True)
@json_option
def compare(versions: tuple[str, ...], as_json: bool) -> None:
    """Show the figures of VERSIONS side by side, each on the events it was tested with; `report --against` uses the same events.

    Exit codes: 0 shown, 2 no such version.
    """
    registry = Registry.of(Settings())
    manifests = [registry.manifest(registry.resolve(version)) for version in versions]
    figures = {each["version"]: each.get("metrics", {}) for each in manifests}
    if as_json:
        click.echo(json.dumps(figures))
        return
    click.echo(f"{'':<32}" + "".join(f"{version:>12}" for version in figures))
    for name in dict.fromkeys(name for metrics in figures.values() for name in metrics):
        cells = (
            f"{metrics[name]:>12.4f}" if name in metrics else f"{'-':>12}" for metrics in figures.values()
        )
        click.echo(f"{name:<32}" + "".join(cells))


@models.command()
@click.argument("version")
@why_option
@json_option
def activate(version: str, why: str, as_json: bool) -> None:
    """Make VERSION the active one: workers load it at their next start. It is loaded once to see that it can decide.

    Exit codes: 0 it is active, 2 no such version, or its state, files or features do not allow it.
    """
    from fraudstream.adapters.event_types import event_type_named
    from fraudstream.adapters.models.files import load_model
    from fraudstream.domain.detector import check_model

    settings = Settings()
    registry = Registry.of(settings)
    number = registry.resolve(version)
    model = load_model(registry, str(number))
    check_model(model, event_type_named(settings.event_type))
    _told_active(registry.activate(number, why), as_json)


@models.command()
@why_option
@json_option
def rollback(why: str, as_json: bool) -> None:
    """Make the version active that was active before.

    Exit codes: 0 done, 2 there is none.
    """
    _told_active(Registry.of(Settings()).roll_back(why), as_json)


@models.command()
@click.argument("version")
@why_option
@json_option
def retire(version: str, why: str, as_json: bool) -> None:
    """Say that VERSION is no longer to be used; its files stay.

    Exit codes: 0 done, 2 no such version, or it is active.
    """
    registry = Registry.of(Settings())
    number = registry.resolve(version)
    _told(registry.retire(number, why), number, as_json)


@models.command()
@click.argument("version")
@why_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def delete(version: str, why: str, yes: bool, as_json: bool) -> None:
    """Remove the files of VERSION; its number is not used again.

    Exit codes: 0 done, 1 not confirmed, 2 no such version, or it is active.
    """
    registry = Registry.of(Settings())
    number = registry.resolve(version)
    if not yes:
        click.confirm(
            f"remove the files of {registry.event_type} {number} in {registry.store.place}?",
            abort=True,
            err=True,
        )
    _told(registry.delete(number, why), number, as_json)


def _told_active(log: VersionLog, as_json: bool) -> None:
    """Say which version is active, and which would come back."""
    if as_json:
        previous = None if log.previous is None else str(log.previous)
        click.echo(json.dumps({"active": str(log.active), "previous": previous}))
        return
    before = "" if log.previous is None else f"; before it {log.previous} was (fraudstream models rollback)"
    click.echo(
        f"{log.event_type} {log.active} is {State.ACTIVE}{before}; workers load it at their next start"
    )


def _told(log: VersionLog, number: Version, as_json: bool) -> None:
    """Say what a version is now."""
    if as_json:
        click.echo(json.dumps(log.of(number)[-1].described()))
    else:
        click.echo(f"{log.event_type} {number} is {log.states[number]}")


def _end(entries: list[LogEntry]) -> dict[str, str]:
    """Return the last thing that happened to a version."""
    return {"at": entries[-1].at, "by": entries[-1].by, "why": entries[-1].why}


for command in (report, export_, import_):
    models.add_command(command)
