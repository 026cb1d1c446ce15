"""Commands of `fraudstream releases` that try a release on live payments: beside the champion, or on a share of the entities."""

import json

import click

from fraudstream.adapters.releases import entries
from fraudstream.adapters.releases.store import Releases
from fraudstream.commands.release_by_two import alone_option, approved
from fraudstream.commands.release_changes import changed, checked, json_option, number_argument, why_option
from fraudstream.domain.releases.release import name_of
from fraudstream.domain.releases.release_log import ReleaseLog, Role
from fraudstream.settings import Settings


@click.command()
@number_argument
@why_option
@json_option
def shadow(number: int, why: str, as_json: bool) -> None:
    """Let release NUMBER be the challenger: it decides what the champion decided, and only differences are published.

    They are on the topic `shadow-decisions`, and in metrics. It decides nothing, and gets no more time than FRAUDSTREAM_SHADOW_TIME_SHARE;
    micro-batches for which there is none are skipped and counted.

    Exit codes: 0 it is the challenger, 2 it is refused, or its state does not allow it, 75 no broker, or workers were not told: publish.
    """
    settings = Settings()
    store = Releases.of(settings)
    checked(settings, store, number)
    log = changed(settings, store, entries.shadowed(store, number, why))
    _told(log, Role.CHALLENGER, as_json, f"{name_of(log.event_type, number)} decides beside the champion")


@click.command()
@number_argument
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    required=True,
    help="Of the entities that it decides, e.g. 0.05; a larger share has all entities of a smaller one.",
)
@why_option
@alone_option
@json_option
def canary(number: int, share: float, why: str, alone: str, as_json: bool) -> None:
    """Let release NUMBER decide a share of the entities, chosen by a hash of their tokens; called again it changes the share.

    Watch it with `fraudstream releases guard`, which stops it if it alerts, scores or fails otherwise than the champion.

    Exit codes: 0 it is the canary, 2 it is refused, its state does not allow it, or somebody else has to approve it, 75 no broker, or workers were not told: publish.
    """
    settings = Settings()
    store = Releases.of(settings)
    checked(settings, store, number)
    why = approved(settings, store, number, "canary", why, alone)
    log = changed(settings, store, entries.on_canary(store, number, share, why))
    _told(log, Role.CANARY, as_json, f"{name_of(log.event_type, number)} decides {share:.2%} of the entities")


@click.command()
@number_argument
@why_option
@json_option
def stop(number: int, why: str, as_json: bool) -> None:
    """Let release NUMBER be neither canary nor challenger any more; the champion decides all again.

    Exit codes: 0 done, 2 it is neither, 75 no broker, or workers were not told: publish.
    """
    settings = Settings()
    store = Releases.of(settings)
    log = changed(settings, store, entries.stopped(store, number, why))
    if as_json:
        click.echo(json.dumps(log.of(number)[-1].described()))
    else:
        click.echo(f"{name_of(log.event_type, number)} is {log.states[number]}")


def _told(log: ReleaseLog, role: Role, as_json: bool, sentence: str) -> None:
    assigned = log.roles()[role]
    if as_json:
        said = {role.value: assigned.release, "share": assigned.share, "revision": assigned.revision}
        click.echo(json.dumps(said))
    else:
        click.echo(f"{sentence} since revision {assigned.revision}; see: fraudstream releases workers")


TRIALS = (shadow, canary, stop)
