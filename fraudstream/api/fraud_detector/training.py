"""Operations on versions of models that need more than the database: training in a child process, and our registry."""

import asyncio
from collections.abc import Mapping
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from fraudstream.adapters.archive.opening import S3
from fraudstream.adapters.database.jobs import Jobs
from fraudstream.adapters.database.resources import Resource, Resources, ResourceStore
from fraudstream.adapters.models.files import load_model
from fraudstream.adapters.models.registry import Registry
from fraudstream.api.fraud_detector import model_versions as versions
from fraudstream.api.fraud_detector import models
from fraudstream.api.fraud_detector.definitions import MODEL_VERSION
from fraudstream.api.fraud_detector.deleted_events import Deleted, deleted
from fraudstream.api.fraud_detector.errors import invalid
from fraudstream.api.fraud_detector.s3_paths import read
from fraudstream.api.fraud_detector.shapes import JOB, Body, Handler, time_text
from fraudstream.api.fraud_detector.stored_events import epoch_ms
from fraudstream.api.fraud_detector.training_files import FRAUD, LABEL, TIME, prepared, treatments
from fraudstream.api.fraud_detector.training_result import result_of
from fraudstream.api.fraud_detector.work import Running, Work
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.registry.version_log import Action
from fraudstream.domain.registry.version_log import State as VersionState
from fraudstream.domain.registry.versions import Version

KIND = "train"
BAD_ROWS_SHARE = "1000000"
"""Rows that are no events are left out, whatever their number: Fraud Detector does so, too."""


class Trainings:
    """Creates, updates, cancels and deletes versions of models."""

    def __init__(
        self, store: ResourceStore, work: Work, registry: Registry, event_type: EventType, archive: str
    ) -> None:
        self._store, self._work, self._registry = store, work, registry
        self._event_type, self._archive = event_type, archive

    @property
    def operations(self) -> Mapping[str, Handler]:
        """What it answers."""
        return {
            "CreateModelVersion": self.create,
            "UpdateModelVersion": self.update,
            "UpdateModelVersionStatus": self.set_status,
            "DeleteModelVersion": self.remove,
        }

    async def create(self, asked: Body) -> Body:
        """Begin to train a new major version."""
        return await self._begin(versions.begin, asked)

    async def update(self, asked: Body) -> Body:
        """Begin to train the next version of a major one."""
        return await self._begin(versions.begin_update, asked)

    async def set_status(self, asked: Body) -> Body:
        """Make a version usable by detectors, or not, or cancel its training."""
        version = await asyncio.to_thread(self._within, versions.set_status, asked)
        if asked["status"] == versions.WORDS.cancelled:
            await asyncio.to_thread(self._cancel, self._work.jobs, version.document[JOB])
        return {}

    async def remove(self, asked: Body) -> Body:
        """Remove a version, with its files in our registry unless it is active there."""
        removed = await asyncio.to_thread(self._within, versions.remove, asked)
        if removed is not None and versions.REGISTERED in removed.document:
            await asyncio.to_thread(self._unregister, Version.parsed(removed.document[versions.REGISTERED]))
        return {}

    async def _begin(self, begin: Any, asked: Body) -> Body:
        if asked.get("trainingDataSource") == "INGESTED_EVENTS" and self._archive.startswith(S3):
            raise invalid("training on ingested events needs an archive in a directory, and it is in S3.")
        if "ingestedEventsDetail" in asked:
            days_in(asked["ingestedEventsDetail"]["ingestedEventsTimeWindow"])
        begun = await asyncio.to_thread(self._within, begin, asked)
        document = begun.document
        title = f"version {document['modelVersionNumber']} of model {begun.name}"
        self._work.start(begun, KIND, title, versions.WORDS, lambda running: self._train(begun, running))
        return {name: document[name] for name in versions.OF_A_VERSION}

    def _within(self, doing: Any, asked: Body) -> Any:
        return self._store.within(lambda resources: doing(resources, deepcopy(asked)))

    @staticmethod
    def _cancel(jobs: Jobs, job: str) -> None:
        try:
            jobs.cancel(job)
        except SetupError as error:
            raise invalid(f"the training cannot be cancelled: {error}") from error

    async def _train(self, begun: Resource, running: Running) -> Body:
        """Train it, and return what its document says then."""
        document, why = (
            begun.document,
            f"model {begun.name} {begun.document['modelVersionNumber']}, job {begun.document[JOB]}",
        )
        wanted = document["trainingDataSchema"]["modelVariables"]
        history = await self._history(document, running)
        told = ["--activate", "never", "--why", why]
        for name, how in treatments(wanted, self._event_type).items():
            told += ["--treat", f"{name}={how}"]
        if (major := await asyncio.to_thread(self._major, begun)) is not None:
            told += ["--update", str(major)]
        await running.command(["train", "--history", str(history), *told])
        return await asyncio.to_thread(self._trained, why)

    async def _history(self, document: Mapping[str, Any], running: Running) -> Path:
        """Return the events to learn from."""
        if document["trainingDataSource"] == "INGESTED_EVENTS":
            window = document["ingestedEventsDetail"]["ingestedEventsTimeWindow"]
            gone = await asyncio.to_thread(self._store.within, partial(_deleted, document), writing=False)
            history = running.directory / "history"
            return await asyncio.to_thread(days_within, Path(self._archive), history, window, gone)
        raw, file, history = (running.directory / name for name in ("raw.csv", "events.csv", "history"))
        await read(document["externalEventsDetail"]["dataLocation"], raw)
        schema = document["trainingDataSchema"]
        await asyncio.to_thread(prepared, raw, file, schema, self._event_type)
        columns = ["--column", f"event_time={TIME}", "--label", LABEL, "--fraud-value", FRAUD]
        await running.command(
            ["history", "import", str(file), "--to", str(history), "--bad-rows-max", BAD_ROWS_SHARE, *columns]
        )
        return history

    def _major(self, begun: Resource) -> int | None:
        """Return the major version in our registry that this is an update of; None if it is a new one."""
        major = versions.number_of(begun).major
        with self._store.transaction(writing=False) as resources:
            before = [
                each.document[versions.REGISTERED]
                for each in resources.all(MODEL_VERSION, begun.name)
                if versions.number_of(each).major == major and versions.REGISTERED in each.document
            ]
        return Version.parsed(before[0]).major if before else None

    def _trained(self, why: str) -> Body:
        """Return what the document of a version says when its training has ended."""
        saved = [
            each for each in self._registry.log().entries if (each.action, each.why) == (Action.SAVE, why)
        ]
        if not saved:
            raise SetupError("the training has ended without a model")
        version = saved[0].version
        made_of = {one.name: one.variable for one in load_model(self._registry, str(version)).inputs.each}
        result = result_of(self._registry.manifest(version), self._event_type, made_of)
        return {
            "status": versions.COMPLETE,
            versions.REGISTERED: str(version),
            versions.RESULT: result,
        }

    def _unregister(self, version: Version) -> None:
        state = self._registry.log().states.get(version)
        if state in (VersionState.READY, VersionState.FAILED, VersionState.RETIRED):
            self._registry.delete(version, "deleted by a program of Amazon Fraud Detector")


def registered(resources: Resources, asked: Mapping[str, Any]) -> str | None:
    """Return the version of our registry that a model version is; None if it was not trained here."""
    found = versions.find(resources, asked)
    return None if found is None else found.document.get(versions.REGISTERED)


def _deleted(document: Mapping[str, Any], resources: Resources) -> Deleted:
    return deleted(resources, models.named(resources, document).document["eventTypeName"])


def days_in(window: Mapping[str, str]) -> tuple[str, str]:
    """Return the first and the last day of a window; raises ServiceError."""
    first, last = (time_text(epoch_ms(window[name], name))[:10] for name in ("startTime", "endTime"))
    if first > last:
        raise invalid("startTime is after endTime.")
    return first, last


def days_within(archive: Path, target: Path, window: Mapping[str, str], gone: Deleted) -> Path:
    """Return a history of the archive's days from the window's first to its last, without deleted events.

    Raises SetupError if there are none.
    """
    first, last = days_in(window)
    days = [each for each in archive.glob("date=*") if first <= each.name.removeprefix("date=") <= last]
    if not days:
        raise SetupError(f"no events from {first} to {last} are in the archive")
    target.mkdir()
    for each in (*archive.glob("labels"), *([] if gone else days)):
        (target / each.name).symlink_to(each.absolute(), target_is_directory=True)
    if gone:
        for day in days:
            _copy_kept(day, target / day.name, gone)
    return target


def _copy_kept(day: Path, target: Path, gone: Deleted) -> None:
    """Copy the files of a day without what is deleted."""
    target.mkdir()
    for file in day.glob("*.parquet"):
        pl.scan_parquet(file, glob=False).filter(gone.is_kept).sink_parquet(target / file.name)
