"""Work beside requests: what becomes of it when it ends, is cancelled, fails, or its process is killed."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, update

from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.jobs import SILENT_MS, Jobs, State
from fraudstream.adapters.database.resources import Resource, ResourceStore
from fraudstream.adapters.database.tables import RESOURCES
from fraudstream.api.fraud_detector.shapes import JOB, Body
from fraudstream.api.fraud_detector.work import ENDED_WITHOUT, Running, Words, Work, new_job, now
from tests.shared import PATIENCE_S

WORDS = Words(("GOING",), "FAILED", "CANCELED")
KIND, NAME = "thing", "one"


class Place:
    """A database with one thing that is worked on."""

    def __init__(self, url: str) -> None:
        self.engine: Engine = opened(url)
        self.store, self.jobs = ResourceStore(self.engine), Jobs(self.engine)
        self.work = Work(self.store, self.jobs, {})
        self.job = new_job()
        self.store.within(lambda found: found.put(KIND, NAME, {"status": "GOING", JOB: self.job}))

    @property
    def thing(self) -> Resource:
        """Return it as it is."""
        found = self.store.within(lambda found: found.get(KIND, NAME))
        assert found is not None
        return found

    def start(self, doing: Callable[[Running], Awaitable[Body]]) -> None:
        """Begin to work on it."""
        self.work.start(self.thing, "train", "a thing", WORDS, doing)

    async def ended(self) -> Body:
        """Wait until nothing goes on, and return the document and what the job says."""
        async with asyncio.timeout(PATIENCE_S):
            for _ in count():
                if self.thing.document["status"] != "GOING" and self.jobs.find(self.job).finished:
                    break
                await asyncio.sleep(0.05)
        return self.thing.document


@pytest.fixture
def place(database_url: str) -> Place:
    """Return one in each kind of database."""
    return Place(database_url)


async def test_a_command_runs_and_its_words_are_kept(place: Place) -> None:
    """Its directory is gone then."""
    directories: list[Path] = []

    async def doing(running: Running) -> Body:
        directories.append(running.directory)
        running.progress = 7
        return {"status": "DONE", "said": await running.command(["sizing", "--help"])}

    place.start(doing)
    document = await place.ended()

    assert ("DONE", 7, True) == (document["status"], document["processed"], "Usage" in document["said"])
    assert (State.DONE, [False]) == (
        place.jobs.find(place.job).state,
        [each.exists() for each in directories],
    )


async def test_a_command_that_fails_says_why(place: Place) -> None:
    """What it said last."""

    async def doing(running: Running) -> Body:
        await running.command(["event-types", "show", "absent"])
        return {}

    place.start(doing)
    document = await place.ended()

    assert "FAILED" == document["status"]
    assert "there is no event type 'absent'" in document["failureReason"]
    assert State.FAILED is place.jobs.find(place.job).state


async def test_a_cancelled_job_ends_its_command(place: Place, tmp_path: Path) -> None:
    """Whoever cancels it: a program, or a person with `fraudstream jobs cancel`."""
    begun = asyncio.Event()

    async def doing(running: Running) -> Body:
        begun.set()
        new = tmp_path / "new"
        new.mkdir()
        await running.command(["inbox", "run", str(new), "--action", "etl", "--out", str(tmp_path / "made")])
        return {"status": "DONE"}

    place.start(doing)
    await begun.wait()
    place.jobs.cancel(place.job)
    document = await place.ended()

    assert ("CANCELED", State.CANCELLED) == (document["status"], place.jobs.find(place.job).state)


async def test_work_ends_with_its_process(place: Place) -> None:
    """A process that stops in order says so; one that was killed is found out after a minute."""

    begun = asyncio.Event()

    async def doing(running: Running) -> Body:
        begun.set()
        await asyncio.sleep(3600)
        return {}

    place.start(doing)
    await begun.wait()
    assert "GOING" == now(place.thing, WORDS).document["status"]
    long_ago = update(RESOURCES).values(updated_at=place.thing.updated_at - SILENT_MS - 1)
    await place.work.stop()
    assert ("FAILED", ENDED_WITHOUT) == told(place.thing)

    place.store.within(lambda found: found.put(KIND, NAME, {"status": "GOING", JOB: place.job}))
    with place.engine.begin() as connection:
        connection.execute(long_ago)
    assert ("FAILED", ENDED_WITHOUT) == told(now(place.thing, WORDS))


def told(thing: Resource) -> tuple[Any, Any]:
    """Return status and reason."""
    return thing.document["status"], thing.document["failureReason"]
