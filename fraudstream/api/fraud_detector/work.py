"""Work that takes longer than a request: fraudstream's own commands as child processes, on record while they run and after.

What became of it is in the document of the resource that it is about; whoever lists jobs (`fraudstream jobs`) sees it, too,
and may cancel it there.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from fraudstream.adapters.database.engine import DatabaseUnavailable
from fraudstream.adapters.database.jobs import SILENT_MS, Cancelled, Jobs, State
from fraudstream.adapters.database.resources import Resource, Resources, ResourceStore
from fraudstream.adapters.scratch import scratch
from fraudstream.api.fraud_detector.shapes import JOB, Body
from fraudstream.domain.card_numbers import without_card_numbers
from fraudstream.domain.errors import FraudstreamError
from fraudstream.process.children import started
from fraudstream.process.exits import EXIT_UNAVAILABLE

logger = logging.getLogger(__name__)

BEAT_S = 1.0
"""How often work says that it goes on, and looks whether somebody wants it to end."""
WHY_MAX = 1_000
ENDED_WITHOUT = "the process that did this has ended; ask for it again"

ENDED_OK = frozenset({0, 1})
"""Exit codes of a command that has run; 1 is a negative result, such as a model that is not good enough."""


class NotDone(FraudstreamError):
    """A command ended with an error; the message is what it said last."""

    def __init__(self, message: str, *, later: bool) -> None:
        super().__init__(message)
        self.later = later


class Words(NamedTuple):
    """What a kind of resource calls the states of its work."""

    going: tuple[str, ...]
    failed: str
    cancelled: str


@dataclass(slots=True)
class Running:
    """Work that goes on: a directory of its own, and how its steps are done."""

    directory: Path
    environment: Mapping[str, str]
    beat: Callable[[], Awaitable[None]]
    """Says that it goes on; raises Cancelled."""
    progress: int = 0
    total: int | None = None

    async def command(
        self, arguments: Sequence[str], beat: Callable[[Path], Awaitable[None]] | None = None
    ) -> str:
        """Run `fraudstream <arguments>` to its end and return what it printed; raises NotDone or Cancelled.

        `beat`: what to do meanwhile, with the file of what it has printed so far.
        """
        log = self.directory / f"{arguments[0]}.log"
        async with started(list(arguments), self.environment, log) as child:
            ended = asyncio.ensure_future(child.wait())
            try:
                while not (await asyncio.wait({ended}, timeout=BEAT_S))[0]:
                    await (self.beat() if beat is None else beat(log))
            finally:
                ended.cancel()
            code = child.returncode
        said = log.read_text(errors="replace").strip()
        if code not in ENDED_OK:
            why = _error(said) or f"fraudstream {arguments[0]} ended with code {code}"
            raise NotDone(why, later=code == EXIT_UNAVAILABLE)
        return said


Doing = Callable[[Running], Awaitable[Body]]
"""Does the work; returns what becomes part of the resource's document."""


class Work:
    """What this process does beside answering."""

    def __init__(self, store: ResourceStore, jobs: Jobs, environment: Mapping[str, str]) -> None:
        self.jobs = jobs
        self._store, self._environment = store, environment
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, about: Resource, kind: str, title: str, words: Words, doing: Doing) -> None:
        """Begin work about a resource, whose document has the id of its job."""
        task = asyncio.create_task(self._do(about, kind, title, words, doing))
        self._tasks.add(task)  # the event loop alone would not keep it
        task.add_done_callback(self._tasks.discard)

    async def command(self, arguments: Sequence[str]) -> str:
        """Run a command that a request waits for; raises NotDone."""
        with scratch("fraudstream-command-") as directory:
            return await Running(directory, self._environment, _nothing).command(arguments)

    async def stop(self) -> None:
        """End everything; what was not finished has failed."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _do(self, about: Resource, kind: str, title: str, words: Words, doing: Doing) -> None:
        job = await asyncio.to_thread(self.jobs.start, about.document[JOB], kind, title, None)
        counted: Body = {}

        def beat(running: Running) -> None:
            counted.update(processed=running.progress, total=running.total)
            try:
                job.beat(running.progress)
                self._change(about, counted)
            except DatabaseUnavailable as error:
                logger.warning("%s goes on, and cannot say so: %s", title, error)

        changed: Body
        try:
            with scratch("fraudstream-work-") as directory:
                running = Running(directory, self._environment, lambda: asyncio.to_thread(beat, running))
                changed = await doing(running)
                counted.update(processed=running.progress, total=running.total)
            state, message = State.DONE, "done"
        except Cancelled as error:
            changed, state, message = {"status": words.cancelled}, State.CANCELLED, str(error)
        except asyncio.CancelledError:
            changed, state, message = {"status": words.failed}, State.FAILED, ENDED_WITHOUT
        except (FraudstreamError, OSError) as error:
            changed, state, message = {"status": words.failed}, State.FAILED, without_card_numbers(str(error))
        except Exception as error:
            logger.exception("%s", title)
            changed, state, message = {"status": words.failed}, State.FAILED, type(error).__name__
        if state is State.FAILED:
            changed["failureReason"] = message[:WHY_MAX]
        await asyncio.to_thread(self._change, about, counted | changed | {"ended": _now_ms()})
        await asyncio.to_thread(job.end, state, message[:WHY_MAX])

    def _change(self, about: Resource, changed: Body) -> None:
        """Change the document, if the resource is still there."""
        self._store.within(lambda resources: change(resources, about, changed))


async def _nothing() -> None:
    """Go on."""


def change(resources: Resources, about: Resource, changed: Body) -> None:
    """Change some members of a document, if the resource is still there and about the same job."""
    found = resources.get(about.kind, about.name, about.version)
    if found is not None and found.document.get(JOB) == about.document.get(JOB):
        resources.put(about.kind, about.name, found.document | changed, about.version)


def new_job() -> str:
    """Return an id for a job."""
    return uuid.uuid4().hex


def now(resource: Resource, words: Words) -> Resource:
    """Return a resource as it is now: work whose process was killed has failed."""
    is_silent = _now_ms() - resource.updated_at > SILENT_MS
    if resource.document["status"] not in words.going or not is_silent:
        return resource
    failed = {"status": words.failed, "failureReason": ENDED_WITHOUT}
    return replace(resource, document=resource.document | failed)


def _error(said: str) -> str:
    """Return the error that a command ended with, else its last line."""
    lines = said.splitlines()
    errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    return (errors or lines or [""])[-1]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
