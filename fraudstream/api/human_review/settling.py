"""Opens the cases of human loops, and writes what was found once a case is closed for good.

Every step may be done twice: a process may be killed between any two, and several processes do them beside each other.
"""

import asyncio
import logging
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Engine

from fraudstream.adapters.database.cases import CaseStore
from fraudstream.adapters.database.resources import Resource, Resources, ResourceStore
from fraudstream.api.fraud_detector.s3_paths import put
from fraudstream.api.human_review import loops
from fraudstream.api.human_review.definitions import LOOP
from fraudstream.domain.errors import FraudstreamError
from fraudstream.domain.review.actions import Close
from fraudstream.domain.review.case import Case, CaseRefused, Finding, State

logger = logging.getLogger(__name__)

ORIGIN = "a2i"
EVERY_S = 2.0
STOPPED = "the program that asked for it has stopped the human loop"


class Settling:
    """Does so every two seconds."""

    def __init__(self, engine: Engine, store: ResourceStore) -> None:
        self._cases, self._store = CaseStore(engine), store

    async def run(self) -> None:
        """Go on until it is cancelled; what cannot be done now is done later."""
        while True:
            try:
                await self.once()
            except FraudstreamError as error:
                logger.warning("human loops wait: %s", error)
            except Exception:
                logger.exception("human loops are not looked after any more")
                raise
            await asyncio.sleep(EVERY_S)

    async def once(self, now_ms: int | None = None) -> None:
        """Do what is to be done now. `now_ms`: what time it is; None: what the database says."""
        await asyncio.to_thread(self._open_and_stop)
        for case in await asyncio.to_thread(self._closed, now_ms):
            written = await asyncio.to_thread(self._store.within, partial(_output, case), writing=False)
            if written is not None:
                place, content = written
                await put(msgspec.json.encode(content), place)
            await asyncio.to_thread(self._settle, case, None if written is None else written[0])

    def _open_and_stop(self) -> None:
        for loop, payload in self._store.within(_waiting, writing=False):
            try:
                with self._cases.transaction() as cases:
                    case = cases.open(ORIGIN, loop.name, payload)
                    if loop.document[loops.STATUS] == loops.STOPPED and case.state is not State.CLOSED:
                        cases.change(case.id, Close(Finding.UNSURE, STOPPED), ORIGIN, over=True)
            except CaseRefused as error:
                logger.warning("human loop %s waits: %s", loop.name, error)
                continue
            self._store.within(partial(_done, loop))

    def _closed(self, now_ms: int | None) -> list[Case]:
        with self._cases.transaction(now_ms) as cases:
            return cases.unsettled(ORIGIN)

    def _settle(self, case: Case, place: str | None) -> None:
        if place is not None:
            done = {loops.STATUS: loops.COMPLETED, loops.OUTPUT: place}
            self._store.within(lambda found: _changed(found, case.entity, done))
        with self._cases.transaction() as cases:
            cases.settle(case.id)


def _waiting(resources: Resources) -> list[tuple[Resource, dict[str, Any]]]:
    found = [resources.get(LOOP, each.name) for each in resources.all(loops.PENDING)]
    return [(each, loops.payload_of(resources, each)) for each in found if each is not None]


def _done(loop: Resource, resources: Resources) -> None:
    """Forget that something is to be done about a loop, unless it has been changed since."""
    now = resources.get(LOOP, loop.name)
    if now is None or now.document[loops.STATUS] == loop.document[loops.STATUS]:
        resources.delete(loops.PENDING, loop.name)


def _output(case: Case, resources: Resources) -> tuple[str, dict[str, Any]] | None:
    """Return where the output of a case goes, and what it is; None if the loop was stopped or removed."""
    loop = resources.get(LOOP, case.entity)
    if loop is None or loop.document[loops.STATUS] == loops.STOPPED:
        return None
    flow = loops.flow_of(resources, loop)
    if flow is None or case.closed_at is None:
        return None
    at = datetime.fromtimestamp(case.closed_at / 1000, UTC).strftime("%Y/%m/%d/%H/%M/%S")
    root = flow.document["OutputConfig"]["S3OutputPath"].rstrip("/")
    categories, given = loops.categories_for(resources, loop), loops.input_of(resources, loop)
    content = loops.output_of(loop, case, categories, given)
    return f"{root}/{flow.name}/{at}/{loop.name}/output.json", content


def _changed(resources: Resources, name: str, changed: dict[str, Any]) -> None:
    loop = resources.get(LOOP, name)
    if loop is not None:
        resources.put(LOOP, name, loop.document | changed)
