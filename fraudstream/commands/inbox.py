"""`fraudstream inbox`: new files start actions by themselves."""

import asyncio
import hashlib
import json
import shlex
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fraudstream.commands.group import Group
from fraudstream.domain.errors import SetupError
from fraudstream.process.exits import EXIT_UNAVAILABLE

if TYPE_CHECKING:
    from fraudstream.adapters.inbox.queue import Queue
    from fraudstream.inbox.records import Record, Records
    from fraudstream.inbox.running import Inbox, InboxListener

S3 = "s3://"
DIRECTORY_EVERY_S, S3_EVERY_S, QUEUE_EVERY_S = 5.0, 60.0, 900.0
SHOWN_MAX = 100

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a file instead of text.")


def options_of(ctx: click.Context, param: click.Parameter, value: str) -> list[str]:
    """Read options as a shell would."""
    try:
        return shlex.split(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.group(cls=Group)
def inbox() -> None:
    """Watch a directory or a prefix in S3, and let each new file start an action, once."""


@inbox.command()
@click.argument("place")
@click.option(
    "--action",
    type=click.Choice(["etl", "predict", "train"]),
    required=True,
    help="etl: make files to train and test on; predict: decide every row; train: train a model version on the payments of the file.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Of etl and predict: directory that gets a directory or a file for each file.",
)
@click.option(
    "--queue", help="SQS queue (name or URL) to which the bucket sends notifications of new objects."
)
@click.option(
    "--reading",
    default="",
    callback=options_of,
    metavar="OPTIONS",
    help="Options of the command that reads the file (`etl`, `predict`, or `history import` before a training), in quotes.",
)
@click.option(
    "--training",
    default="",
    callback=options_of,
    metavar="OPTIONS",
    help="Options of `fraudstream train`, in quotes.",
)
@click.option("--once", is_flag=True, help="Take what is there, and end.")
@click.option(
    "--every",
    "every_s",
    type=click.FloatRange(min=0.1),
    help="Seconds from one look to the next.  [default: 5; of S3 60, with a queue 900]",
)
@click.option(
    "--settle",
    "settle_s",
    type=click.FloatRange(min=0),
    default=2.0,
    show_default=True,
    help="Seconds for which a file in a directory must not have changed.",
)
@click.option(
    "--attempts",
    "attempts_max",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="How often an action may crash on a file before it is set aside.",
)
@click.option(
    "--retry",
    "retry_s",
    type=click.FloatRange(min=0),
    default=60.0,
    show_default=True,
    help="Seconds until the next try.",
)
@json_option
def run(
    place: str,
    once: bool,
    as_json: bool,
    every_s: float | None,
    settle_s: float,
    queue: str | None,
    **plan: Any,
) -> None:
    """Watch PLACE, a directory or s3://bucket/prefix, and act on each new file, once, whatever is killed meanwhile.

    The inbox is only read: what became of a file is on record, see `fraudstream inbox list`. A file with which the action ends with
    code 2 (bad input), or on which it crashes repeatedly, is set aside; code 75 is tried again. A file that changes is a new one.

    Exit codes: 0 stopped on request, or with --once all went well, 1 with --once a file was set aside, 2 the place or an option does
    not fit, 75 with --once a file is to be tried again, or another process works on the same inbox.
    """
    from fraudstream.inbox.actions import ACTIONS
    from fraudstream.inbox.running import only_one
    from fraudstream.settings import Settings

    settings = Settings()
    if ACTIONS[plan["action"]].needs_out and plan["out"] is None:
        raise SetupError(f"say with --out where {plan['action']} is to write")
    if queue is not None and not place.startswith(S3):
        raise SetupError("--queue is for an inbox in S3; a directory is looked at every few seconds")
    home = settings.data_dir / "inbox"
    identity = hashlib.sha256(f"{plan['action']} {_canonical(place)}".encode()).hexdigest()[:12]
    tried: list[Record] = []
    with only_one(home / f"{identity}.lock", place) as lock:
        made = _inbox(place, settle_s, plan, home / identity, lock, _listener(tried, as_json))
        asyncio.run(_watched(made, _queue(queue, made), once, settle_s, every_s or _every(place, queue)))
    if once:
        sys.exit(_exit_code(tried))


@inbox.command("list")
@click.option(
    "--state",
    "states",
    type=click.Choice(["running", "waiting", "done", "set-aside"]),
    multiple=True,
    help="Only such files; repeatable.",
)
@json_option
def list_(states: tuple[str, ...], as_json: bool) -> None:
    """List the files of all inboxes of this data directory, and what became of them, the newest last.

    Exit codes: 0 listed (there may be none).
    """
    records = [each for each in _records().all() if not states or each.state in states]
    for record in records:
        click.echo(json.dumps(record.described()) if as_json else _line(record))
    if not records and not as_json:
        click.echo("no files; watch a directory or a prefix in S3 with: fraudstream inbox run")


@inbox.command()
@click.argument("name")
@json_option
def retry(name: str, as_json: bool) -> None:
    """Let the file NAME, which was set aside, be tried anew by the next look at its inbox.

    Exit codes: 0 it will be, 2 no such file is set aside.
    """
    for record in _records().again(name):
        click.echo(json.dumps(record.described()) if as_json else _line(record))


def _canonical(place: str) -> str:
    return place if place.startswith(S3) else str(Path(place).absolute())


def _every(place: str, queue: str | None) -> float:
    if queue is not None:
        return QUEUE_EVERY_S
    return S3_EVERY_S if place.startswith(S3) else DIRECTORY_EVERY_S


def _records() -> "Records":
    from fraudstream.inbox.records import Records
    from fraudstream.settings import Settings

    return Records(Settings().data_dir / "inbox" / "records.sqlite")


def _inbox(
    place: str, settle_s: float, plan: dict[str, Any], work: Path, lock: int, listener: "InboxListener"
) -> "Inbox":
    from fraudstream.adapters.inbox.opening import inbox_at
    from fraudstream.inbox.running import Inbox, Plan
    from fraudstream.settings import Settings

    return Inbox(
        inbox_at(place, settle_s), Plan(settings=Settings(), **plan), _records(), work, lock, listener
    )


def _queue(queue: str | None, made: "Inbox") -> "Queue | None":
    if queue is None:
        return None
    from fraudstream.adapters.inbox.queue import Queue
    from fraudstream.adapters.inbox.s3 import S3Inbox

    assert isinstance(made.place, S3Inbox)  # `run` has refused others
    return Queue(queue, made.place)


async def _watched(
    made: "Inbox", queue: "Queue | None", only_once: bool, settle_s: float, every_s: float
) -> None:
    """Watch until it is done or told to stop."""
    from fraudstream.inbox import watching

    task = asyncio.create_task(
        watching.once(made, queue, settle_s) if only_once else watching.forever(made, queue, every_s)
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        click.echo("stopped", err=True)


def _listener(tried: "list[Record]", as_json: bool) -> "InboxListener":
    from fraudstream.inbox.running import InboxListener

    def step(step: str, name: str) -> None:
        if step == "begun" and not as_json:
            click.echo(f"{name} ...", err=True)

    def settled(record: "Record") -> None:
        tried.append(record)
        click.echo(json.dumps(record.described()) if as_json else _line(record))

    return InboxListener(step, settled)


def _exit_code(tried: "list[Record]") -> int:
    states = {record.state.value for record in {record.name: record for record in tried}.values()}
    if "waiting" in states:
        return EXIT_UNAVAILABLE
    return 1 if "set-aside" in states else 0


def _line(record: "Record") -> str:
    """Return a record as one line."""
    outcome = record.outcome or {}
    made = ", ".join(f"{name} {value}" for name, value in outcome.items() if not isinstance(value, dict))
    why = "" if record.reason is None else record.reason[:SHOWN_MAX]
    return f"{record.state.value:<9} {record.started[:16]}  {record.action:<5} {record.name}  {made or why}".rstrip()
