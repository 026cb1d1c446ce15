"""What a batch prediction job does: `fraudstream predict` on the file, and the detector's own rules on what it says."""

import asyncio
import re
import time
from dataclasses import replace
from pathlib import Path

from fraudstream.adapters.database.resources import Resource, Resources, ResourceStore
from fraudstream.api.fraud_detector.batch_output import write_output
from fraudstream.api.fraud_detector.definitions import DETECTOR
from fraudstream.api.fraud_detector.detectors import VERSION, version_or_active
from fraudstream.api.fraud_detector.errors import ServiceError, absent, invalid
from fraudstream.api.fraud_detector.lists import Contents
from fraudstream.api.fraud_detector.plans import Plan, plan_of
from fraudstream.api.fraud_detector.s3_paths import output_place, read, write
from fraudstream.api.fraud_detector.shapes import Body
from fraudstream.api.fraud_detector.training import registered
from fraudstream.api.fraud_detector.training_files import TIME
from fraudstream.api.fraud_detector.work import Running, Work
from fraudstream.domain.errors import SetupError

PREDICT_JOB = re.compile(r"^job ([0-9a-f]+);", re.MULTILINE)
"""What `fraudstream predict` says first: the job that counts its rows."""


class BatchPredictions:
    """Does batch prediction jobs."""

    def __init__(self, store: ResourceStore, work: Work, contents: Contents) -> None:
        self._store, self._work, self._contents = store, work, contents

    def prepare(self, resources: Resources, asked: Body) -> Body:
        """Check that detector and version are there; return the version that predicts. Raises ServiceError."""
        detector = resources.get(DETECTOR, asked["detectorName"])
        if detector is None:
            raise absent(f"detector {asked['detectorName']} does not exist.")
        if detector.document["eventTypeName"] != asked["eventTypeName"]:
            raise invalid(
                f"detector {detector.name} is of events of the type {detector.document['eventTypeName']}."
            )
        return {"detectorVersion": str(_version(resources, asked).version)}

    async def do(self, job: Resource, running: Running) -> Body:
        """Predict the file of a job."""
        document = job.document
        given, predicted, output = (
            running.directory / name for name in ("in.csv", "predicted.parquet", "out.csv")
        )
        plan, model = await asyncio.to_thread(
            self._store.within, lambda resources: _plan(resources, document)
        )
        plan = replace(plan, contents=await self._contents.of(plan.lists))
        await read(document["inputPath"], given)
        told = ["--columns", "fraud-detector", "--column", f"event_time={TIME}", "--restart"]
        if model is not None:
            told += ["--model", model]

        async def beat(log: Path) -> None:
            await asyncio.to_thread(self._count, log, running)
            await running.beat()

        await running.command(["predict", str(given), "--out", str(predicted), *told], beat)
        rows = await asyncio.to_thread(write_output, predicted, output, plan)
        running.progress = running.total = rows
        name = f"{job.name}_{int(time.time())}_output.csv"
        await write(output, output_place(document["outputPath"], name))
        return {}

    def _count(self, log: Path, running: Running) -> None:
        found = PREDICT_JOB.search(log.read_text(errors="replace"))
        if found is not None:
            counted = self._work.jobs.find(found[1])
            running.progress, running.total = counted.progress, counted.total


def _plan(resources: Resources, document: Body) -> tuple[Plan, str | None]:
    """Return what the version asks, and the version of its model in our registry."""
    try:
        version = _version(resources, document)
        plan = plan_of(resources, version, document["eventTypeName"], {})
    except ServiceError as error:
        raise SetupError(error.message) from error  # it was changed after the job was made
    models = [registered(resources, each) for each in version.document["modelVersions"]]
    return plan, next((each for each in models if each is not None), None)


def _version(resources: Resources, asked: Body) -> Resource:
    """Return the version that is named, whatever its status, or the active one."""
    named = {"detectorId": asked["detectorName"]}
    if "detectorVersion" in asked:
        named[VERSION] = asked["detectorVersion"]
    return version_or_active(resources, named)
