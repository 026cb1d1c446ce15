"""Puts the door together: what its operations need beside the database."""

from collections.abc import Mapping
from typing import NamedTuple

from fastapi import APIRouter
from sqlalchemy import Engine

from fraudstream.adapters.database.jobs import Jobs
from fraudstream.adapters.database.resources import ResourceStore
from fraudstream.adapters.models.registry import Registry
from fraudstream.api.access import Access
from fraudstream.api.asking import Asker
from fraudstream.api.fraud_detector.door import SCOPE, FraudDetector, Handler
from fraudstream.api.fraud_detector.predictions import Predictions
from fraudstream.api.fraud_detector.training import Trainings
from fraudstream.api.fraud_detector.work import Work
from fraudstream.api.metrics import ApiMetrics
from fraudstream.domain.events.event_type import EventType
from fraudstream.settings import Settings

PREDICT = "predict"
"""The scope of keys that ask for predictions."""


class Built(NamedTuple):
    """The routes, and what goes on beside them until it is stopped."""

    router: APIRouter
    work: Work


def built(
    settings: Settings,
    engine: Engine,
    access: Access,
    asker: Asker,
    event_type: EventType,
    metrics: ApiMetrics,
) -> Built:
    """Return the door for these settings."""
    store = ResourceStore(engine)
    environment = {
        "FRAUDSTREAM_DATA_DIR": str(settings.data_dir),
        "FRAUDSTREAM_EVENT_TYPE": settings.event_type,
    }
    work = Work(store, Jobs(engine), settings.data_dir.absolute() / "fraud-detector", environment)
    predictions = Predictions(store, asker, event_type, metrics, settings.api_deadline_ms / 1000)
    trainings = Trainings(
        store, work, Registry.at(settings.models_place, event_type.name), event_type, settings.archive_place
    )
    definitions: Mapping[str, Handler] = {
        "CreateModelVersion": trainings.create,
        "UpdateModelVersion": trainings.update,
        "UpdateModelVersionStatus": trainings.set_status,
        "DeleteModelVersion": trainings.remove,
    }
    others: dict[str, tuple[Handler, str]] = {"GetEventPrediction": (predictions.predict, PREDICT)}
    others |= {name: (handler, SCOPE) for name, handler in definitions.items()}
    return Built(FraudDetector(store, access, others).routes(), work)
