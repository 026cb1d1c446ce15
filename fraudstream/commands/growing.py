"""The dialogue of `fraudstream topics grow`."""

import asyncio
import json

import click
from rich.console import Console
from rich.progress import Progress, TaskID

from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings
from fraudstream.state.grow import Grown, Plan, grow, planned


def ask_and_grow(settings: Settings, partitions: int, *, yes: bool, as_json: bool) -> None:
    """Grow a group after showing the plan and asking for confirmation."""
    plan = asyncio.run(planned(settings, partitions))
    if not plan.nothing and not yes:
        if as_json:
            raise SetupError("--json does not ask for confirmation; add --yes")
        click.echo(_intent(settings, plan), err=True)
        click.confirm("Kafka cannot take partitions away again. Go on?", abort=True, err=True)
    grown = (
        Grown(plan.before, plan.after, [], 0, 0, 0)
        if plan.nothing
        else asyncio.run(_shown(settings, plan, quiet=as_json))
    )
    click.echo(json.dumps(grown._asdict()) if as_json else _said(settings, plan, grown))


async def _shown(settings: Settings, plan: Plan, quiet: bool) -> Grown:
    """Carry out the plan with a progress bar for reading and one for writing."""
    with Progress(console=Console(stderr=True, quiet=quiet), transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def advance(what: str, of: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(f"{what} partitions", total=of)
            progress.advance(tasks[what])

        return await grow(settings, plan, advance)


def _intent(settings: Settings, plan: Plan) -> str:
    """Say what will be done."""
    lines = [
        f"{name}: {count or 'missing'} -> {plan.after} partitions" for name, count in plan.topics.items()
    ]
    if plan.before != plan.after:
        lines.append(
            f"state of {settings.app_id}: divided among {plan.after} partitions instead of {plan.before}"
        )
    return "\n".join(lines)


def _said(settings: Settings, plan: Plan, grown: Grown) -> str:
    """Say what was done, and what to do next."""
    if plan.nothing:
        return f"all topics of {settings.app_id} have {plan.after} partitions, and so has its state"
    lines = [f"{len(grown.topics)} topics have {grown.after} partitions now"]
    if grown.before != grown.after:
        lines.append(
            f"{grown.entries} recent payments were moved to the new partitions of their cards; {grown.undecided} of them "
            "wait to be decided"
        )
    if grown.unknown:
        lines.append(
            f"{grown.unknown} payments were left out, because the source topics no longer hold any payment of their cards: they do "
            "not count in windows any more"
        )
    return "\n".join([*lines, f"start all workers with FRAUDSTREAM_PARTITIONS={grown.after}"])
