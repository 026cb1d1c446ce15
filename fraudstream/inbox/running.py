"""Takes the files of an inbox one after the other: copy, note, act, note. Whatever ends the process, the next one goes on."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from fraudstream.adapters.inbox.place import Found, Place
from fraudstream.domain.errors import FraudstreamError
from fraudstream.inbox.actions import ACTIONS, Outcome, Task
from fraudstream.inbox.records import SETTLED, Record, Records, State, utc_now
from fraudstream.process.children import started
from fraudstream.process.exits import EXIT_SETUP, EXIT_UNAVAILABLE
from fraudstream.settings import Settings

LOG = "action.log"
REASON_MAX = 1000

ENDED_OK = frozenset({0, 1})
"""Exit codes of a command that has run; 1 is a negative result, such as a model that is not good enough."""


class InboxBusy(FraudstreamError):
    """Another process works on the same inbox."""

    later = True


@dataclass(frozen=True, slots=True)
class InboxListener:
    """Callbacks that report progress; the default does nothing."""

    step: Callable[[str, str], None] = lambda step, name: None
    """`copied`, `begun`, `acted` and `recorded`, and the file's name."""
    settled: Callable[[Record], None] = lambda record: None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done with the files of an inbox."""

    action: str
    settings: Settings
    out: Path | None = None
    reading: Sequence[str] = ()
    training: Sequence[str] = ()
    attempts_max: int = 3
    retry_s: float = 60.0
    """From a try that may pass by itself, or has crashed, to the next."""


@dataclass
class Inbox:
    """A place, what is done with its files, and what has become of them. `lock`: see `only_one`."""

    place: Place
    plan: Plan
    records: Records
    work: Path
    lock: int
    listener: InboxListener = field(default_factory=InboxListener)

    async def take_all(self) -> list[Record]:
        """Take every whole file that has not settled; return the records of those that were tried."""
        taken = [await self.take(found) for found in await self.place.files()]
        return [record for record in taken if record is not None]

    async def take(self, found: Found) -> Record | None:
        """Take a file; None if there is nothing to do with it now."""
        known = self.records.of_stamp(self.place.place, self.plan.action, found)
        if known is not None and (known.state in SETTLED or _too_early(known)):
            return None
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True, mode=0o700)
        try:
            copied = await self.place.copy(found, self.work)
            if copied is None:
                return None  # it comes again, as what it is then
            self.listener.step("copied", found.name)
            record = self.records.begin(self.place.place, self.plan.action, found, copied.sha256)
            if record.state in SETTLED:
                return None  # the same content again
            self.listener.step("begun", found.name)
            record = await self._acted(record, self._task(found, copied.path, copied.sha256))
        finally:
            shutil.rmtree(self.work, ignore_errors=True)
        self.listener.step("recorded", found.name)
        self.listener.settled(record)
        return record

    def waits(self, found: Found) -> bool:
        """Tell whether a file is to be tried again."""
        known = self.records.of_stamp(self.place.place, self.plan.action, found)
        return known is None or known.state not in SETTLED

    def _task(self, found: Found, copy: Path, sha256: str) -> Task:
        plan = self.plan
        return Task(copy, found.name, sha256, self.work, plan.settings, plan.out, plan.reading, plan.training)

    async def _acted(self, record: Record, task: Task) -> Record:
        """Act, unless the effect is there, and note what came of it. A request to stop is no attempt."""
        action = ACTIONS[self.plan.action]
        outcome: Outcome | None = action.outcome(task)
        if outcome is None and record.attempts > self.plan.attempts_max:
            return self.records.set_aside(
                record, f"its process ended {self.plan.attempts_max} times before the action had"
            )
        try:
            for command in action.commands(task) if outcome is None else ():
                code = await self._run(command, task)
                if code not in ENDED_OK:
                    return self._failed(record, code, self._said())
        except BaseException:
            self.records.wait(record, "stopped on request", 0, counts=False)
            raise
        self.listener.step("acted", record.name)
        outcome = outcome or action.outcome(task)
        if outcome is None:
            return self._failed(record, 1, self._said())
        return self.records.done(record, dict(outcome))

    async def _run(self, command: list[str], task: Task) -> int:
        async with started(
            command, _environment(task.settings), self.work / LOG, inherited=(self.lock,)
        ) as child:
            self.listener.step("started", task.name)
            return await child.wait()

    def _failed(self, record: Record, code: int, said: str) -> Record:
        """Note a failure: what a person has to correct is set aside, what may pass by itself waits, a crash is an attempt."""
        if code == EXIT_UNAVAILABLE:
            return self.records.wait(record, said, self.plan.retry_s, counts=False)
        if code == EXIT_SETUP or record.attempts >= self.plan.attempts_max:
            return self.records.set_aside(record, said)
        return self.records.wait(record, f"code {code}: {said}", self.plan.retry_s, counts=True)

    def _said(self) -> str:
        """Return the error that a command ended with, else its last line."""
        lines = (self.work / LOG).read_text(errors="replace").strip().splitlines()
        errors = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
        return (errors or lines or ["it printed nothing"])[-1][:REASON_MAX]


def _too_early(record: Record) -> bool:
    """Tell whether a file is to be tried later."""
    waits = record.state is State.WAITING and record.retry_at is not None
    return waits and utc_now() < datetime.fromisoformat(str(record.retry_at))


def _environment(settings: Settings) -> Mapping[str, str]:
    """Return where the commands find what belongs to these settings; the rest is in this process's environment."""
    return {"FRAUDSTREAM_DATA_DIR": str(settings.data_dir), "FRAUDSTREAM_EVENT_TYPE": settings.event_type}


@contextmanager
def only_one(lock_file: Path, place: str) -> Iterator[int]:
    """Yield a lock that holds as long as this process or an action that it started runs; raises InboxBusy."""
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise InboxBusy(
            f"another process works on {place} with this action, or one that it started has not ended; wait for it"
        ) from None
    try:
        yield lock
    finally:
        os.close(lock)
