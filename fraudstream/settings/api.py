"""Predictions over HTTP, and the database."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings


class ApiSettings(BaseSettings):
    """Address, keys and limits of the API."""

    api_host: str = Field(
        "127.0.0.1",
        description="Address that `fraudstream api` binds to. Requests need a key at every address, also a loopback one, unless FRAUDSTREAM_API_WITHOUT_KEYS=true.",
    )
    api_port: int = Field(8088, ge=0, le=65535, description="Port of the API; 0 picks a free one.")
    api_without_keys: bool = Field(
        False,
        description="Answer requests without a key; use it behind a gateway that checks who asks.",
    )
    api_fraud_detector: bool = Field(
        False,
        description="Also answer requests in the wire protocol of Amazon Fraud Detector, at POST /.",
    )
    api_fraud_detector_outcomes: str = Field(
        "",
        examples=["high_risk=block,medium_risk=review,low_risk=approve"],
        description="Amazon Fraud Detector's protocol: which of ours each outcome is. With it, the rules of a detector version that becomes ACTIVE decide in the stream, too.",
    )
    api_fraud_detector_initializing_s: float = Field(
        10.0,
        ge=0,
        le=300,
        description="Amazon Fraud Detector's protocol: how long a batch job is IN_PROGRESS_INITIALIZING at least, in seconds; some programs look for this state.",
    )
    api_deadline_ms: int = Field(
        500,
        ge=1,
        le=60_000,
        description="How long a request for predictions waits, in ms, unless its header `X-Deadline-Ms` says otherwise.",
    )
    api_in_flight_max: int = Field(
        5_000,
        ge=1,
        description="Maximum number of events that one process has asked for and that are not decided; more are refused with 429.",
    )
    api_certificate_file: Path | None = Field(
        None, description="PEM file with the certificate of the API; with it the API speaks TLS."
    )
    api_certificate_key_file: Path | None = Field(
        None, description="PEM file with the key of that certificate."
    )
    database: str | None = Field(
        None,
        examples=["postgresql+psycopg://fraudstream@db/fraudstream"],
        description="Address of the database, as SQLAlchemy writes it. Default: the SQLite file <data_dir>/fraudstream.db.",
    )
