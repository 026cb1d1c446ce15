"""What a batch import job does: the events of the file go into the log, as fast as workers can, with their labels."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from fraudstream.adapters.database.resources import Resource, Resources, ResourceStore
from fraudstream.api.fraud_detector.definitions import EVENT_TYPE
from fraudstream.api.fraud_detector.s3_paths import read
from fraudstream.api.fraud_detector.shapes import Body
from fraudstream.api.fraud_detector.stored_events import meaning_of
from fraudstream.api.fraud_detector.training_files import LABEL, TIME, program_file
from fraudstream.api.fraud_detector.work import NotDone, Running
from fraudstream.domain.events.event_type import EventType

EVENT_ID, ENTITY_ID = "EVENT_ID", "ENTITY_ID"
TRUE, FALSE = "1", "0"
OUR_LABEL = "is_fraud"
"""The label's column where an event type declares none."""


class BatchImports:
    """Does batch import jobs."""

    def __init__(self, store: ResourceStore, event_type: EventType) -> None:
        self._store, self._event_type = store, event_type

    @staticmethod
    def prepare(resources: Resources, asked: Body) -> Body:
        """Return that nothing more is to be known of a job."""
        return {}

    async def do(self, job: Resource, running: Running) -> Body:
        """Send the events of a job's file."""
        given, events = running.directory / "in.csv", running.directory / "events.csv"
        await read(job.document["inputPath"], given)
        labels = await asyncio.to_thread(
            self._store.within, lambda found: _labels(found, job.document["eventTypeName"]), writing=False
        )
        rows = await asyncio.to_thread(renamed, given, events, labels, self._event_type)
        running.total = rows
        told = ["replay", str(events), "--speed", "max", "--skip-bad", "--labels", "--json"]
        said = json.loads((await running.command(["produce", *told])).splitlines()[-1])
        if not said["complete"]:
            raise NotDone(f"{said['of'] - said['sent']:,} events were not sent", later=True)
        running.progress = said["sent"]
        return {"failedRecordsCount": said["skipped"]}


def _labels(resources: Resources, event_type: str) -> dict[str, bool]:
    """Return what each label of an event type means, as far as that is known."""
    declared = resources.get(EVENT_TYPE, event_type)
    names = [] if declared is None else declared.document.get("labels", [])
    meanings = {name: meaning_of(resources, event_type, name) for name in names}
    return {name: fraud for name, fraud in meanings.items() if fraud is not None}


def renamed(source: Path, target: Path, labels: Mapping[str, bool], event_type: EventType) -> int:
    """Write a program's file with the columns of our event type; return how many rows it has. Raises SetupError."""
    with program_file(source, (EVENT_ID, TIME)) as rows:
        columns = rows.collect_schema().names()
        made = {each.field: pl.col(each.field) for each in event_type.variables if each.field in columns}
        money = (event_type.amount, event_type.currency_field)
        made |= {name: pl.col(name) for name in money if name is not None and name in columns}
        made |= {event_type.time.fields[0]: pl.col(TIME)} if event_type.time.fields else {}
        made |= {event_type.id: pl.col(EVENT_ID)} if event_type.id is not None else {}
        if event_type.entity is not None:
            field = event_type.entity.field
            made[field] = pl.col(field if field in columns else ENTITY_ID)
        if LABEL in columns:
            made[event_type.label.field if event_type.label else OUR_LABEL] = _label(labels, event_type)
        rows.select(column.alias(name) for name, column in made.items()).sink_csv(target)
        return int(rows.select(pl.len()).collect().item())


def _label(labels: Mapping[str, bool], event_type: EventType) -> pl.Expr:
    """Return the label as our event type writes it; one that means nothing is none."""
    own = event_type.label.fraud if event_type.label else ()
    words = {name: (own[0] if own else TRUE) if fraud else FALSE for name, fraud in labels.items()}
    return pl.col(LABEL).replace_strict(words, default=None, return_dtype=pl.String)
