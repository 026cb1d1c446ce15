"""Puts the door together: what its operations need beside the database."""

from collections.abc import Mapping
from typing import NamedTuple

from fastapi import APIRouter
from sqlalchemy import Engine

from fraudstream.adapters.database.jobs import Jobs
from fraudstream.adapters.database.resources import ResourceStore
from fraudstream.adapters.lists.followed import FollowedLists
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.releases.store import Releases
from fraudstream.api.access import Access
from fraudstream.api.archived import ArchivedDecisions
from fraudstream.api.asking import Asker
from fraudstream.api.fraud_detector.batch_imports import BatchImports
from fraudstream.api.fraud_detector.batch_jobs import IMPORT, PREDICTION, BatchJobs
from fraudstream.api.fraud_detector.batch_predictions import BatchPredictions
from fraudstream.api.fraud_detector.deploying import Deployments
from fraudstream.api.fraud_detector.door import SCOPE, FraudDetector, Target
from fraudstream.api.fraud_detector.explaining import Explanations
from fraudstream.api.fraud_detector.lists import Contents, Lists
from fraudstream.api.fraud_detector.lists import Publish as PublishLists
from fraudstream.api.fraud_detector.past_predictions import PastPredictions
from fraudstream.api.fraud_detector.predictions import Predictions
from fraudstream.api.fraud_detector.service import Service
from fraudstream.api.fraud_detector.shapes import Handler
from fraudstream.api.fraud_detector.stored_events import Publish, StoredEvents
from fraudstream.api.fraud_detector.stream_rules import table_of
from fraudstream.api.fraud_detector.training import Trainings
from fraudstream.api.fraud_detector.work import Work
from fraudstream.api.human_review import definitions as human_review
from fraudstream.api.human_review.door import HumanLoops
from fraudstream.api.human_review.settling import Settling
from fraudstream.api.metrics import ApiMetrics
from fraudstream.domain.events.event_type import EventType
from fraudstream.settings import Settings

PREDICT, LABELS = "predict", "labels"
"""The scopes of keys that ask for predictions, and that say what events turned out to be."""


class Built(NamedTuple):
    """The routes, and what goes on beside them until it is stopped."""

    router: APIRouter
    work: Work
    settling: Settling
    lists: FollowedLists


def built(
    settings: Settings,
    engine: Engine,
    access: Access,
    asker: Asker,
    event_type: EventType,
    metrics: ApiMetrics,
    publish: Publish,
    publish_lists: PublishLists,
    archived: ArchivedDecisions,
) -> Built:
    """Return the door for these settings."""
    store = ResourceStore(engine)
    environment = {
        "FRAUDSTREAM_DATA_DIR": str(settings.data_dir),
        "FRAUDSTREAM_EVENT_TYPE": settings.event_type,
    }
    work = Work(store, Jobs(engine), environment)
    followed = FollowedLists(settings)
    contents = Contents(followed.on)
    deadline_s = settings.api_deadline_ms / 1000
    predictions = Predictions(store, asker, event_type, metrics, deadline_s, contents)
    registry = Registry.at(settings.models_place, event_type.name)
    trainings = Trainings(store, work, registry, event_type, settings.archive_place)
    releases = Releases.at(settings.models_place, event_type.name)
    table = table_of(settings.api_fraud_detector_outcomes)
    deployments = Deployments(store, work, registry, releases, event_type, table, settings.fraud_threshold)
    events = StoredEvents(store, asker, archived, event_type, publish, deadline_s)
    lists = Lists(store, followed.on, publish_lists)
    past = PastPredictions(store, archived, Explanations(registry, event_type), event_type, contents)
    predicting = BatchPredictions(store, work, contents)
    starting_s = settings.api_fraud_detector_initializing_s
    batches = BatchJobs(PREDICTION, store, work, starting_s, predicting.prepare, predicting.do)
    importing = BatchImports(store, event_type)
    imports = BatchJobs(IMPORT, store, work, starting_s, importing.prepare, importing.do)
    definitions: Mapping[str, Handler] = {
        **imports.operations,
        **lists.operations,
        **batches.operations,
        **trainings.operations,
        "UpdateDetectorVersionStatus": deployments.set_status,
    }
    others: dict[str, tuple[Handler, str]] = {
        "GetEventPrediction": (predictions.predict, PREDICT),
        "SendEvent": (events.send, PREDICT),
        "GetEvent": (events.found, PREDICT),
        "UpdateEventLabel": (events.label, LABELS),
        "ListEventPredictions": (past.listed, PREDICT),
        "GetEventPredictionMetadata": (past.explained, PREDICT),
        **{name: (handler, SCOPE) for name, handler in definitions.items()},
    }
    sagemaker = Target(Service("sagemaker"), human_review.OPERATIONS, {})
    router = FraudDetector(store, access, others, [sagemaker]).routes()
    router.include_router(HumanLoops(store, access).routes())
    return Built(router, work, Settling(engine, store), followed)
