"""`fraudstream webhooks`: alerts sent to addresses of other programs."""

import asyncio
import json
import secrets
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from fraudstream.adapters.extras import check_installed
from fraudstream.commands.group import Group
from fraudstream.settings import Settings

if TYPE_CHECKING:
    from fraudstream.adapters.database.webhooks import Webhook, Webhooks

json_option = click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")


@click.group(cls=Group)
def webhooks() -> None:
    """Send alerts and changes of cases to addresses of other programs: signed, each at least once."""


@webhooks.command()
@click.argument("url")
@click.option(
    "--on",
    "sources",
    type=click.Choice(["alerts", "cases"]),
    multiple=True,
    default=("alerts",),
    show_default=True,
    help="What is sent; repeatable.",
)
@json_option
def add(url: str, sources: tuple[str, ...], as_json: bool) -> None:
    """Send to URL from now on, and print the id and the secret that signs what is sent.

    Exit codes: 0 added, 2 bad input, 75 the database does not answer.
    """
    from fraudstream.webhooks.addresses import check_url

    settings = Settings()
    check_url(url, settings.webhooks_private_addresses)
    key = _key(settings, may_make=True)
    made = _store(settings).add(url, sorted(set(sources)), key)
    if as_json:
        click.echo(json.dumps({"id": made.id, "secret": made.secret(key)}))
        return
    click.echo(f"id      {made.id}\nsecret  {made.secret(key)}")
    click.echo(f"try it with: fraudstream webhooks test {made.id}", err=True)


@webhooks.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the receivers: how much waits for each, how much was given up, and what went wrong last.

    Exit codes: 0 listed, 75 the database does not answer.
    """
    store = _store(Settings())
    found = [_told(store, each) for each in store.all()]
    if as_json:
        click.echo(json.dumps(found))
        return
    for each in found:
        click.echo(
            f"{each['id']}  {','.join(each['sources'])}  {each['delivered']:,} sent, {each['waiting']:,} waiting, "
            f"{each['failed']:,} given up  {each['url']}"
        )
        if each["problem_at"]:
            at = datetime.fromtimestamp(each["problem_at"] / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
            click.echo(f"  {at}  {each['problem']}")
    if not found:
        click.echo("there are no webhooks; add one with: fraudstream webhooks add URL", err=True)


@webhooks.command()
@click.argument("webhook")
def remove(webhook: str) -> None:
    """Send nothing to WEBHOOK any more, and forget what it has not taken.

    Exit codes: 0 removed, 2 there is none, 75 the database does not answer.
    """
    _store(Settings()).remove(webhook)
    click.echo(f"{webhook} is removed", err=True)


@webhooks.command()
@click.argument("webhook")
def test(webhook: str) -> None:
    """Send an event of the type `test` to WEBHOOK now, once.

    Exit codes: 0 it has arrived, 1 it has not, 2 there is no such webhook, 75 the database does not answer.
    """
    from fraudstream.adapters.database.webhooks import now_ms
    from fraudstream.webhooks.sending import Event, Sender
    from fraudstream.webhooks.sources import body_of

    settings = Settings()
    found = _store(settings).find(webhook)
    secret = found.secret(_key(settings, may_make=False))
    event = f"test-{secrets.token_hex(8)}"

    async def sent() -> str:
        async with Sender(settings.webhooks_timeout_s, settings.webhooks_private_addresses) as sender:
            body = body_of("test", event, now_ms(), {}).encode()
            return await sender.send(found.url, secret, Event(event, body))

    problem = asyncio.run(sent())
    click.echo(problem or f"{event} has arrived", err=True)
    sys.exit(1 if problem else 0)


@webhooks.command()
@click.argument("webhook", required=False)
@json_option
def failed(webhook: str | None, as_json: bool) -> None:
    """List the events that were given up, of WEBHOOK or of all; they are kept for 30 days.

    Exit codes: 0 listed, 75 the database does not answer.
    """
    found = _store(Settings()).failed(webhook)
    if as_json:
        click.echo(json.dumps([{"webhook": name} | asdict(each) for name, each in found]))
        return
    for name, each in found:
        click.echo(f"{name}  {each.event_id}  {each.attempts} attempts  {each.problem}")
    if not found:
        click.echo("nothing was given up", err=True)


@webhooks.command()
@click.argument("webhook")
@click.argument("event", required=False)
def resend(webhook: str, event: str | None) -> None:
    """Send EVENT, or all events that were given up, to WEBHOOK once more.

    Exit codes: 0 they will be sent, 1 there are none, 2 there is no such webhook, 75 the database does not answer.
    """
    store = _store(Settings())
    store.find(webhook)
    number = store.resend(webhook, event)
    click.echo(f"{number:,} events will be sent again", err=True)
    sys.exit(0 if number else 1)


@webhooks.command()
@click.option("--broker", help="Kafka bootstrap servers.  [default: FRAUDSTREAM_BROKER or localhost:9092]")
@click.option("--supervised", is_flag=True, help="Restart it whenever it crashes.")
def run(broker: str | None, supervised: bool) -> None:
    """Send events until it is stopped. Several such processes share the receivers, and take over those of one that died.

    Exit codes: 0 stopped, 2 set-up error, 75 the database does not answer.
    """
    from fraudstream.process.exits import end_soon
    from fraudstream.process.logs import configure_logging
    from fraudstream.traffic.session import stopped_by_signals
    from fraudstream.webhooks.running import Runner

    configure_logging("info")
    if supervised:
        from fraudstream.process.supervisor import supervise

        sys.exit(supervise(sys.argv[1:], "the sender of webhooks"))
    settings = Settings.with_options(broker=broker)
    store = _store(settings)
    runner = Runner(settings, store, _key(settings, may_make=not store.all()))

    async def running() -> None:
        with stopped_by_signals(end_soon) as stop:
            await runner.run(stop)

    asyncio.run(running())


def _store(settings: Settings) -> "Webhooks":
    check_installed("sqlalchemy", "alembic", what="this", extra="api")
    from fraudstream.adapters.database.engine import opened
    from fraudstream.adapters.database.webhooks import Webhooks

    return Webhooks(opened(settings.database_url))


def _key(settings: Settings, *, may_make: bool) -> bytes:
    from fraudstream.adapters.secrets.webhook_key import read_or_made

    return read_or_made(settings.webhooks_key_path, may_make=may_make and settings.webhooks_key_file is None)


def _told(store: "Webhooks", webhook: "Webhook") -> dict[str, Any]:
    shown = asdict(webhook)
    for name in ("secret_sha256", "runner", "runner_until"):
        del shown[name]
    return shown | {"waiting": store.waiting(webhook.id), "failed": store.given_up(webhook.id)}
