"""What runs beside the pages: begun again when it fails, and seen in the health."""

import asyncio
from collections.abc import Callable
from itertools import count

import pytest

from fraudstream.console import background
from fraudstream.console.app import Console
from fraudstream.console.background import Background
from fraudstream.domain.errors import BrokerUnavailable
from tests.console.visiting import visitor


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(60):
        for _ in count():
            if holds():
                return
            await asyncio.sleep(0.005)


async def test_a_task_that_fails_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its problem is told until it has been well for a while; a bug is one, too."""
    monkeypatch.setattr(background, "WAIT_FIRST_S", 0.01)
    monkeypatch.setattr(background, "WELL_S", 0.05)
    errors = [BrokerUnavailable("no broker answers"), ZeroDivisionError()]
    problems: list[str] = []

    async def read() -> None:
        problems.append(task.problem)
        if errors:
            raise errors.pop(0)
        await asyncio.Event().wait()

    task = Background("reading alerts", read)
    running = asyncio.create_task(task.run())
    await until(lambda: len(problems) == 3)
    told = problems[1:]
    await until(lambda: task.problem == "")
    await background.end([running])

    assert [
        "reading alerts cannot do its work: no broker answers",
        "reading alerts failed; the console's log says why",
    ] == told
    assert running.cancelled()


async def test_a_task_that_ends_by_itself_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would read the topic any more."""
    monkeypatch.setattr(background, "WAIT_FIRST_S", 60.0)

    async def nothing() -> None:
        """End at once."""

    task = Background("reading alerts", nothing)
    running = asyncio.create_task(task.run())
    await until(lambda: task.problem != "")
    await background.end([running])

    assert "reading alerts has ended by itself" == task.problem


@pytest.mark.parametrize(
    ("role", "first"),
    [("analyst", "/cases"), ("admin", "/cases"), ("engineer", "/results"), ("auditor", "/results")],
)
def test_everybody_begins_where_their_work_is(console: Console, role: str, first: str) -> None:
    """Reviewers at the cases, others at the results."""
    assert first == visitor(console, role).http.get("/").headers["location"]
