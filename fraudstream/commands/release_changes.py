"""Commands of `fraudstream releases` that change something: the log in the store first, then what workers are told."""

import asyncio
import json
from typing import TYPE_CHECKING

import click

from fraudstream.adapters.releases import entries
from fraudstream.adapters.releases.entries import Entries
from fraudstream.adapters.releases.store import Releases
from fraudstream.commands.release_by_two import alone_option, approved
from fraudstream.domain.releases.release import name_of
from fraudstream.domain.releases.release_log import ReleaseLog, Role
from fraudstream.settings import Settings

if TYPE_CHECKING:
    from fraudstream.adapters.releases.loading import Check

why_option = click.option("--why", default="", help="The reason, for the history.")
json_option = click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
number_argument = click.argument("number", type=click.IntRange(min=1))


@click.command()
@click.option(
    "--model", "version", default="active", show_default=True, help="Version of the model, e.g. 1.2."
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Probability above which a payment is fraud.  [default: FRAUDSTREAM_FRAUD_THRESHOLD, else the model's]",
)
@click.option(
    "--rules",
    type=click.Choice(["event-type", "draft"]),
    default="event-type",
    show_default=True,
    help="Those of the event type's file, or the draft that `fraudstream rules` changes.",
)
@click.option(
    "--note", default="", help="Part of the release; the same content with another note is another release."
)
@why_option
@json_option
def draft(version: str, threshold: float | None, rules: str, note: str, why: str, as_json: bool) -> None:
    """Make a release of a model version, rules and a threshold; its files are copied.

    The same content has the number that it has already. Nothing is told to workers.

    Exit codes: 0 drafted, 2 the parts do not fit, or there is no such model.
    """
    from fraudstream.adapters.event_types import event_type_named
    from fraudstream.adapters.models.registry import Registry
    from fraudstream.adapters.releases.drafting import draft as drafted_of
    from fraudstream.adapters.rules.draft import RulesetDraft

    settings = Settings()
    store, event_type = Releases.of(settings), event_type_named(settings.event_type)
    ruleset = RulesetDraft.of(settings, event_type).read().ruleset if rules == "draft" else None
    chosen = settings.fraud_threshold if threshold is None else threshold
    number, release = drafted_of(
        store, Registry.of(settings), event_type, version, ruleset, chosen, note, why
    )
    if as_json:
        said = {"release": number, "sha256": release.sha256, "model": release.model_version}
        click.echo(json.dumps(said | {"fraud_threshold": release.fraud_threshold}))
        return
    click.echo(
        f"{name_of(event_type.name, number)}: model {release.model_version}, {len(release.ruleset['rules'])} rules, "
        f"threshold {release.fraud_threshold:g}; check it with: fraudstream releases check {number}"
    )


@click.command()
@number_argument
@why_option
@json_option
def check(number: int, why: str, as_json: bool) -> None:
    """Check release NUMBER as workers do: checksums, model, features, golden predictions, rules, a dry run.

    The dry run decides the newest decisions of the topic `decisions` again; without a broker, or before any decision, a made-up payment.

    Exit codes: 0 it passed, 2 it is refused, or there is no such release, 75 the store does not answer.
    """
    settings = Settings()
    store = Releases.of(settings)
    found = checked(settings, store, number)
    state = store.append(entries.passed(store, number, why)).states[number]
    if as_json:
        checks = {each.what: each.found for each in found}
        click.echo(json.dumps({"release": number, "state": state.value, "checks": checks}))
        return
    for each in found:
        click.echo(f"{each.what:<20} {each.found}")
    click.echo(f"{name_of(store.event_type, number)} is {state}")


@click.command()
@number_argument
@why_option
@alone_option
@json_option
def activate(number: int, why: str, alone: str, as_json: bool) -> None:
    """Let release NUMBER decide, in place of the one that does. It is checked once more first.

    Workers switch between two micro-batches, each as soon as it has loaded and checked it; `fraudstream releases workers` shows it.

    Exit codes: 0 it is active, 2 it is refused, its state does not allow it, or somebody else has to approve it, 75 no broker, or workers were not told: publish.
    """
    settings = Settings()
    store = Releases.of(settings)
    checked(settings, store, number)
    if store.log().active != number:
        why = approved(settings, store, number, "activate", why, alone)
    _told_champion(changed(settings, store, entries.activated(store, number, why)), as_json)


@click.command()
@why_option
@json_option
def rollback(why: str, as_json: bool) -> None:
    """Let the release decide that did before.

    Exit codes: 0 done, 2 there is none, 75 no broker, or workers were not told: publish.
    """
    settings = Settings()
    store = Releases.of(settings)
    _told_champion(changed(settings, store, entries.rolled_back(store, why)), as_json)


@click.command()
@number_argument
@why_option
@json_option
def retire(number: int, why: str, as_json: bool) -> None:
    """Say that release NUMBER is no longer to be used; its files stay.

    Exit codes: 0 done, 2 no such release, or its state does not allow it.
    """
    store = Releases.of(Settings())
    log = store.append(entries.retired(store, number, why))
    if as_json:
        click.echo(json.dumps(log.of(number)[-1].described()))
    else:
        click.echo(f"{name_of(log.event_type, number)} is {log.states[number]}")


@click.command()
@json_option
def publish(as_json: bool) -> None:
    """Tell workers again what the log says, where the control topic was lost or a command was killed; changes nothing else.

    Exit codes: 0 published, 2 Kafka refuses it, 75 no broker.
    """
    settings = Settings()
    log = changed(settings, Releases.of(settings), lambda _: [])
    roles = {role.value: assigned.release for role, assigned in log.roles().items()}
    if as_json:
        click.echo(json.dumps({"revision": log.revision, **roles}))
    else:
        said = ", ".join(f"{role}: {number or 'none'}" for role, number in roles.items())
        click.echo(f"revision {log.revision} of event type {log.event_type}: {said}")


def changed(settings: Settings, store: Releases, wanted: Entries) -> ReleaseLog:
    """Change the log and tell workers."""
    from fraudstream.adapters.releases import changing
    from fraudstream.traffic.session import quiet_kafka

    quiet_kafka()
    return asyncio.run(changing.changed(settings, store, wanted))


def checked(settings: Settings, store: Releases, number: int) -> "list[Check]":
    """Check a release as workers do."""
    from fraudstream.adapters.releases import changing

    return changing.checked(settings, store, number)


def _told_champion(log: ReleaseLog, as_json: bool) -> None:
    """Say which release decides, and which would come back."""
    champion = log.roles()[Role.CHAMPION]
    if as_json:
        said = {"champion": champion.release, "previous": log.previous, "revision": champion.revision}
        click.echo(json.dumps(said))
        return
    before = "" if log.previous is None else f"; before it {log.previous} did (fraudstream releases rollback)"
    click.echo(
        f"{name_of(log.event_type, champion.release or 0)} decides since revision {champion.revision}{before}; "
        "see: fraudstream releases workers"
    )


CHANGES = (draft, check, activate, rollback, retire, publish)
