"""Puts the door together: what its operations need beside the database."""

from collections.abc import Mapping
from typing import NamedTuple

from fastapi import APIRouter
from sqlalchemy import Engine

from fraudstream.adapters.database.jobs import Jobs
from fraudstream.adapters.database.resources import ResourceStore
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.releases.store import Releases
from fraudstream.api.access import Access
from fraudstream.api.asking import Asker
from fraudstream.api.fraud_detector.batch_jobs import PREDICTION, BatchJobs
from fraudstream.api.fraud_detector.batch_predictions import BatchPredictions
from fraudstream.api.fraud_detector.deploying import Deployments
from fraudstream.api.fraud_detector.door import SCOPE, FraudDetector, Handler
from fraudstream.api.fraud_detector.predictions import Predictions
from fraudstream.api.fraud_detector.stream_rules import table_of
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
    registry = Registry.at(settings.models_place, event_type.name)
    trainings = Trainings(store, work, registry, event_type, settings.archive_place)
    deployments = Deployments(
        store,
        work,
        registry,
        Releases.at(settings.models_place, event_type.name),
        event_type,
        table_of(settings.api_fraud_detector_outcomes),
        settings.fraud_threshold,
    )
    predicting = BatchPredictions(store, work)
    starting_s = settings.api_fraud_detector_initializing_s
    batches = BatchJobs(PREDICTION, store, work, starting_s, predicting.prepare, predicting.do)
    definitions: Mapping[str, Handler] = {
        "CreateBatchPredictionJob": batches.create,
        "GetBatchPredictionJobs": batches.found,
        "CancelBatchPredictionJob": batches.cancel,
        "DeleteBatchPredictionJob": batches.remove,
        "CreateModelVersion": trainings.create,
        "UpdateModelVersion": trainings.update,
        "UpdateModelVersionStatus": trainings.set_status,
        "DeleteModelVersion": trainings.remove,
        "UpdateDetectorVersionStatus": deployments.set_status,
    }
    others: dict[str, tuple[Handler, str]] = {"GetEventPrediction": (predictions.predict, PREDICT)}
    others |= {name: (handler, SCOPE) for name, handler in definitions.items()}
    return Built(FraudDetector(store, access, others).routes(), work)
