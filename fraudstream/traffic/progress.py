"""Shows a sender's progress on stderr: a bar on a terminal, elsewhere a line now and then."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
)
from rich.text import Text

from fraudstream.traffic.tally import Tally

REFRESH_S = 0.2
PLAIN_LINE_EVERY_S = 5.0


def line(tally: Tally) -> str:
    """Return the progress in one line.

    >>> line(Tally(sent=0, behind_s=0.25)).split(" · ")[1:]
    ['0 errors', '0.2 s behind']
    """
    behind = f"{tally.behind_s:.1f} s behind" if tally.behind_s >= 0.05 else "on time"
    errors = f"{tally.errors:,} errors" + (f" ({tally.last_error})" if tally.last_error else "")
    return f"{tally.sent:,} sent at {tally.rate:,.0f}/s · {errors} · {behind}"


class _Figures(ProgressColumn):
    """The line of the tally, beside the bar."""

    def __init__(self, tally: Tally) -> None:
        super().__init__()
        self._tally = tally

    def render(self, task: Task) -> Text:
        return Text(line(self._tally), style="bold red" if self._tally.errors else "")


@contextlib.asynccontextmanager
async def shown(tally: Tally, total: int | None, what: str) -> AsyncIterator[None]:
    """Show the tally until the block ends; `total` is None if it is not known how many there will be."""
    console = Console(stderr=True)
    showing = (
        _bar(console, tally, total, what) if console.is_terminal else _lines(console, tally, total, what)
    )
    task = asyncio.create_task(showing)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _bar(console: Console, tally: Tally, total: int | None, what: str) -> None:
    columns: list[ProgressColumn] = [SpinnerColumn(), TextColumn("{task.description}")]
    if total is not None:
        columns += [BarColumn(bar_width=24), TaskProgressColumn()]
    with Progress(*columns, _Figures(tally), console=console, refresh_per_second=1 / REFRESH_S) as progress:
        task = progress.add_task(what, total=total)
        try:
            while True:
                progress.update(task, completed=tally.sent)
                await asyncio.sleep(REFRESH_S)
        finally:
            progress.update(task, completed=tally.sent)


async def _lines(console: Console, tally: Tally, total: int | None, what: str) -> None:
    of_total = "" if total is None else f" of {total:,}"
    while True:
        await asyncio.sleep(PLAIN_LINE_EVERY_S)
        console.print(f"{what}{of_total}: {line(tally)}", markup=False, highlight=False, soft_wrap=True)
