"""`fraudstream jobs`: work that takes long, and how far it has come."""

import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from fraudstream.adapters.extras import check_installed
from fraudstream.commands.group import Group
from fraudstream.settings import Settings

if TYPE_CHECKING:
    from fraudstream.adapters.database.jobs import Job, Jobs

json_option = click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")


@click.group(cls=Group)
def jobs() -> None:
    """List, show and cancel jobs: work that takes long, such as the prediction of files."""


@jobs.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the jobs, the newest first.

    Exit codes: 0 listed, 75 the database does not answer.
    """
    found = opened_jobs().all()
    if as_json:
        click.echo(json.dumps([_told(job) for job in found]))
        return
    for job in found:
        click.echo(f"{job.id}  {_at(job.started)}  {_state(job):10}  {_progress(job):>24}  {job.title}")
    if not found:
        click.echo("there are no jobs; fraudstream predict starts one", err=True)


@jobs.command()
@click.argument("job_id")
@json_option
def show(job_id: str, as_json: bool) -> None:
    """Show the job JOB_ID. One that is running and has said nothing for a minute is shown as silent: it was probably killed.

    Exit codes: 0 shown, 2 there is no such job, 75 the database does not answer.
    """
    job = opened_jobs().find(job_id)
    if as_json:
        click.echo(json.dumps(_told(job)))
        return
    rows = {
        "job": job.id,
        "kind": job.kind,
        "title": job.title,
        "state": _state(job),
        "progress": _progress(job),
        "started": _at(job.started),
        "heartbeat": _at(job.heartbeat),
        "finished": _at(job.finished) if job.finished else "",
        "message": job.message,
    }
    for name, value in rows.items():
        if value:
            click.echo(f"{name:<10} {value}")


@jobs.command()
@click.argument("job_id")
def cancel(job_id: str) -> None:
    """Ask the job JOB_ID to end. It does so before its next slice; what is finished is kept, and the same command goes on from there.

    Exit codes: 0 it will end, 2 there is no such job or it has ended already, 75 the database does not answer.
    """
    job = opened_jobs().cancel(job_id)
    click.echo(f"{job.id} is {job.state}", err=True)


def opened_jobs() -> "Jobs":
    """Return the jobs in the database of the settings."""
    check_installed("sqlalchemy", "alembic", what="a job", extra="api")
    from fraudstream.adapters.database.engine import opened
    from fraudstream.adapters.database.jobs import Jobs

    return Jobs(opened(Settings().database_url))


def _told(job: "Job") -> dict[str, object]:
    return asdict(job) | {"silent": job.silent(_now_ms())}


def _state(job: "Job") -> str:
    return "silent" if job.silent(_now_ms()) else str(job.state)


def _progress(job: "Job") -> str:
    return f"{job.progress:,}" if job.total is None else f"{job.progress:,} of {job.total:,}"


def _at(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
