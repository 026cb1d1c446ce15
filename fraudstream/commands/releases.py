"""`fraudstream releases`: what decides, and what did."""

import asyncio
import json
from typing import Any

import click

from fraudstream.adapters.releases.store import DRAFT, Releases
from fraudstream.commands.group import Group
from fraudstream.commands.release_changes import CHANGES, json_option, number_argument
from fraudstream.commands.release_guard import guard
from fraudstream.commands.release_trials import TRIALS
from fraudstream.domain.releases.release import name_of
from fraudstream.settings import Settings


@click.group(cls=Group)
def releases() -> None:
    """Draft, check, try, activate and roll back releases: event type, model, rules and threshold as one numbered thing.

    Workers follow the control topic `releases` and switch while they run.
    """


@releases.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List all releases with their states, the newest last.

    Exit codes: 0 listed (there may be none), 2 the store cannot be read.
    """
    log = Releases.of(Settings()).log()
    rows = list[dict[str, Any]]()
    for number, state in log.states.items():
        first, last = log.of(number)[0], log.of(number)[-1]
        rows.append(
            {
                "release": number,
                "state": state.value,
                "sha256": first.sha256,
                "share": last.share,
                "at": last.at,
                "by": last.by,
                "why": last.why,
            }
        )
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        share = "" if row["share"] is None else f" {row['share']:.1%}"
        click.echo(f"{row['release']:<5} {row['state'] + share:<13} {row['at'][:16]}  {row['why'][:100]}")
    if not rows:
        click.echo(f"no releases of event type {log.event_type} yet; {DRAFT}")


@releases.command()
@number_argument
@json_option
def show(number: int, as_json: bool) -> None:
    """Show release NUMBER: what it is made of, and what happened to it.

    Exit codes: 0 shown, 2 no such release, or it is damaged.
    """
    store = Releases.of(Settings())
    release, entries = store.numbered(number), store.log().of(number)
    if as_json:
        history = [entry.described() for entry in entries]
        said = {"release": number, "sha256": release.sha256, **release.described(), "history": history}
        click.echo(json.dumps(said))
        return
    click.echo(f"{name_of(release.event_type, number)}: {entries[-1].state}")
    click.echo(f"SHA-256    {release.sha256}")
    click.echo(f"model      {release.model_version}, content SHA-256 {release.model_sha256}")
    click.echo(f"features   {', '.join(release.features)}")
    click.echo(f"threshold  {release.fraud_threshold:g}")
    for rule in release.ruleset["rules"]:
        click.echo(f"rule       {rule['name']}: {rule['outcome']} if {rule['when']}")
    if release.note:
        click.echo(f"note       {release.note}")
    for entry in entries:
        click.echo(f"{entry.at[:16]}  {entry.action:<9} by {entry.by}: {entry.why}")


@releases.command()
@click.argument("before", type=click.IntRange(min=1))
@click.argument("after", type=click.IntRange(min=1))
@json_option
def diff(before: int, after: int, as_json: bool) -> None:
    """Show what differs between releases BEFORE and AFTER: model, threshold, rules.

    Exit codes: 0 nothing differs, 1 something does, 2 no such release.
    """
    from fraudstream.domain.releases.differences import differences

    store = Releases.of(Settings())
    found = differences(store.numbered(before), store.numbered(after))
    if as_json:
        click.echo(json.dumps([each._asdict() for each in found]))
    else:
        for each in found:
            click.echo(f"{each.what}\n  {before}: {_said(each.before)}\n  {after}: {_said(each.after)}")
        if not found:
            click.echo("nothing differs")
    raise SystemExit(bool(found))


@releases.command()
@json_option
def workers(as_json: bool) -> None:
    """Show which release each worker applied last, for each role, or refused and why.

    Exit codes: 0 shown (there may be none), 1 a worker refused one, 2 Kafka refuses access, 75 no broker.
    """
    from fraudstream.adapters.kafka.admin import ensure_topics
    from fraudstream.adapters.releases.telling import answers
    from fraudstream.traffic.session import quiet_kafka

    settings = Settings()
    quiet_kafka()

    async def asked() -> list[dict[str, Any]]:
        await ensure_topics(settings)
        found = await answers(settings, Releases.of(settings).event_type)
        return [json.loads(each.value) for each in found]

    rows = asyncio.run(asked())
    if as_json:
        click.echo(json.dumps(rows))
    else:
        for row in rows:
            what = "none" if row["release"] is None else str(row["release"])
            click.echo(
                f"{row['worker']:<32} {row['role']:<10} {what:<5} {row['result']:<8} {row['at'][:19]}  {row['reason']}"
            )
        if not rows:
            click.echo("no worker has answered yet")
    raise SystemExit(any(row["result"] == "refused" for row in rows))


def _said(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


for command in (*CHANGES, *TRIALS, guard):
    releases.add_command(command)
