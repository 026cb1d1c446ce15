"""The door of Amazon Fraud Detector's protocol behind a socket, without workers, and boto3's own clients of it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import uvicorn
from botocore.config import Config
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from fastapi import FastAPI
from sqlalchemy import Engine

from fraudstream.adapters.database.api_keys import ApiKeys
from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.resources import ResourceStore
from fraudstream.api.access import Access
from fraudstream.api.door import door as api_door
from fraudstream.api.fraud_detector.door import FraudDetector
from fraudstream.api.metrics import ApiMetrics
from tests.databases import with_tables

MODEL = ServiceModel(Loader().load_service_model("frauddetector", "service-2"), "frauddetector")


def boto_client(url: str, key: str = "any", secret: str | None = None) -> Any:
    """Return boto3's client; every answer that it gets is compared with the description of the service."""
    client = boto3.client(
        "frauddetector",
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret or key,
        config=Config(retries={"max_attempts": 0}),
    )
    client.meta.events.register("after-call.frauddetector", _fits)
    return client


def _fits(model: Any, parsed: dict[str, Any], **_: Any) -> None:
    shape = MODEL.operation_model(model.name).output_shape
    if "Error" not in parsed and shape is not None:
        answer = {name: value for name, value in parsed.items() if name != "ResponseMetadata"}
        if (
            model.name == "GetBatchPredictionJobs"
        ):  # the service itself answers '2', where its description wants '2.0'
            jobs = [{**each, "detectorVersion": "1.0"} for each in answer["batchPredictions"]]
            answer["batchPredictions"] = jobs
        report = ParamValidator().validate(answer, shape)
        assert not report.has_errors(), report.generate_report()


@contextmanager
def door(place: Path | str, keys: bool = False) -> Iterator[tuple[str, ApiKeys]]:
    """Serve the door; yield its address and the keys that it knows. `place`: a directory, or the address of a database."""
    engine = opened(with_tables(place if isinstance(place, str) else f"sqlite:///{place / 'f.db'}"))
    known = ApiKeys(engine)
    app = FastAPI()
    app.include_router(FraudDetector(ResourceStore(engine), Access(known if keys else None)).routes())
    with served(app, engine) as url:
        yield url, known


@contextmanager
def served(app: FastAPI, engine: Engine) -> Iterator[str]:
    """Serve an application behind the door that all requests go through; yield its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(api_door(app, ApiMetrics()), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
        engine.dispose()
