"""Batch jobs as programs make, read, cancel and remove them; what they do is elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import NamedTuple

from fraudstream.adapters.database.resources import Resource, Resources, ResourceStore
from fraudstream.api.fraud_detector.definitions import EVENT_TYPE
from fraudstream.api.fraud_detector.errors import absent, conflict, invalid
from fraudstream.api.fraud_detector.shapes import JOB, Body, Handler, page, shown, time_text
from fraudstream.api.fraud_detector.work import Running, Words, Work, change, new_job, now
from fraudstream.domain.errors import SetupError

STARTING, GOING, CANCELLING, COMPLETE = (
    "IN_PROGRESS_INITIALIZING",
    "IN_PROGRESS",
    "CANCEL_IN_PROGRESS",
    "COMPLETE",
)
WORDS = Words((STARTING, GOING, CANCELLING), "FAILED", "CANCELED")
WAIT_S = 0.5


class Kind(NamedTuple):
    """A kind of batch job."""

    kind: str
    """Of the resource, and in names of resources."""
    job: str
    """Of the job in the database."""
    members: str
    """What pages of it are called."""
    operation: str
    """As in the names of its operations."""


PREDICTION = Kind("batch-prediction", "predict", "batchPredictions", "BatchPredictionJob")
IMPORT = Kind("batch-import", "import", "batchImports", "BatchImportJob")

Prepare = Callable[[Resources, Body], Body]
"""Checks a request within the transaction that records it; returns what the document has besides. Raises ServiceError."""


class BatchJobs:
    """The jobs of one kind; one runs at a time in this process, the others wait for it."""

    def __init__(
        self,
        kind: Kind,
        store: ResourceStore,
        work: Work,
        starting_s: float,
        prepare: Prepare,
        doing: Callable[[Resource, Running], Awaitable[Body]],
    ) -> None:
        self._kind, self._store, self._work = kind, store, work
        self._starting_s, self._prepare, self._doing = starting_s, prepare, doing
        self._turn = asyncio.Lock()

    @property
    def operations(self) -> Mapping[str, Handler]:
        """What it answers."""
        name = self._kind.operation
        return {
            f"Create{name}": self.create,
            f"Get{name}s": self.found,
            f"Cancel{name}": self.cancel,
            f"Delete{name}": self.remove,
        }

    async def create(self, asked: Body) -> Body:
        """Begin a job."""
        job = await asyncio.to_thread(self._store.within, partial(self._created, dict(asked)))
        title = f"{self._kind.kind} {job.name}"
        self._work.start(job, self._kind.job, title, WORDS, partial(self._run, job))
        return {}

    async def found(self, asked: Body) -> Body:
        """Return the job that is named, or a page of all."""
        return await asyncio.to_thread(self._store.within, partial(self._found, asked))

    async def cancel(self, asked: Body) -> Body:
        """Let a job end before its next step."""
        job = await asyncio.to_thread(self._store.within, partial(self._cancelled, asked))
        try:
            await asyncio.to_thread(self._work.jobs.cancel, job.document[JOB])
        except SetupError as error:
            raise invalid(f"job {job.name} cannot be cancelled: {error}") from error
        return {}

    async def remove(self, asked: Body) -> Body:
        """Remove what is known of a job that has ended; one that is not there is no error."""
        await asyncio.to_thread(self._store.within, partial(self._removed, asked))
        return {}

    def _created(self, asked: Body, resources: Resources) -> Resource:
        kind, name = self._kind.kind, asked["jobId"]
        if resources.get(kind, name) is not None:
            raise invalid(f"job {name} already exists.")
        if resources.get(EVENT_TYPE, asked["eventTypeName"]) is None:
            raise absent(f"event type {asked['eventTypeName']} does not exist.")
        document = asked | self._prepare(resources, asked) | {"status": STARTING, JOB: new_job()}
        resources.put(kind, name, document)
        made = resources.get(kind, name)
        assert made is not None
        return made

    def _found(self, asked: Body, resources: Resources) -> Body:
        name = asked.get("jobId")
        every = resources.all(self._kind.kind)
        if name is not None:
            every = [each for each in every if each.name == name]
            if not every:
                raise absent(f"job {name} does not exist.")
        jobs = {each.name: now(each, WORDS) for each in every}
        answer = page(self._kind.members, [*jobs.values()], asked)
        answer[self._kind.members] = [
            _told(jobs[each["jobId"]], counts_failed=self._kind is IMPORT)
            for each in answer[self._kind.members]
        ]
        return answer

    def _cancelled(self, asked: Body, resources: Resources) -> Resource:
        job = resources.get(self._kind.kind, asked["jobId"])
        if job is None:
            raise absent(f"job {asked['jobId']} does not exist.")
        if now(job, WORDS).document["status"] not in WORDS.going:
            raise invalid(f"job {job.name} is {job.document['status']} already.")
        change(resources, job, {"status": CANCELLING})
        return job

    def _removed(self, asked: Body, resources: Resources) -> None:
        job = resources.get(self._kind.kind, asked["jobId"])
        if job is not None and now(job, WORDS).document["status"] in WORDS.going:
            raise conflict(f"job {job.name} cannot be deleted: it is {job.document['status']}.")
        resources.delete(self._kind.kind, asked["jobId"])

    async def _run(self, job: Resource, running: Running) -> Body:
        """Wait for those before, do the work, and return what the document says then."""
        ready = asyncio.get_running_loop().time() + self._starting_s
        while self._turn.locked() or asyncio.get_running_loop().time() < ready:
            await running.beat()
            await asyncio.sleep(WAIT_S)
        async with self._turn:
            await running.beat()
            await asyncio.to_thread(self._store.within, partial(change, about=job, changed={"status": GOING}))
            changed = await self._doing(job, running)
        return changed | {"status": COMPLETE}


def _told(job: Resource, *, counts_failed: bool) -> Body:
    """Return a job as it is answered; its times have no milliseconds."""
    own = shown(job)
    told = {name: value for name, value in own.items() if name not in ("createdTime", "lastUpdatedTime")}
    told |= {
        "startTime": _second(job.created_at),
        "processedRecordsCount": job.document.get("processed") or 0,
    }
    if not counts_failed:
        told["lastHeartbeatTime"] = _second(job.updated_at)
    if (total := job.document.get("total")) is not None:
        told["totalRecordsCount"] = total
    if ended := job.document.get("ended"):
        told["completionTime"] = _second(ended)
    return told


def _second(epoch_ms: int) -> str:
    return time_text(epoch_ms // 1000 * 1000).replace(".000Z", "Z")
