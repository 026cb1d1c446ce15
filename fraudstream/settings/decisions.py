"""What a decision is made with."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings

from fraudstream.domain.names import NAME_PATTERN
from fraudstream.domain.weekly import MIDNIGHTS_KEPT


class DecisionSettings(BaseSettings):
    """Event type, model, threshold, weekly aggregates and times."""

    event_type: str = Field(
        "card",
        pattern=r"^([a-z0-9_-]{1,64}|.+\.toml)$",
        examples=["card", "./payout.toml"],
        description="Which event type to decide: the name of one of the package, or the path of a file of your own, "
        "which ends with `.toml` (docs/event-types.md).",
    )
    model: str = Field(
        "current",
        pattern=rf"^{NAME_PATTERN}$",
        examples=["current", "card-20261121-1f2e3d4c"],
        description="Model version to score with; `current` follows models/current.",
    )
    fraud_threshold: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="FRAUD_THRESHOLD: probability above which a payment is called fraud. Default: the model's.",
    )
    lookup_timeout_ms: int = Field(
        50,
        ge=1,
        le=10_000,
        description="How long a payment waits for weekly aggregates before it is decided without them.",
    )
    weekly_kept: int = Field(
        MIDNIGHTS_KEPT,
        ge=2,
        description="Midnights whose weekly aggregates stay on disk and in memory; more to replay more than a day.",
    )
    weekly_store: str = Field(
        "snapshot",
        pattern=r"^(snapshot|disk|sagemaker://[a-zA-Z0-9]([-_]*[a-zA-Z0-9]){0,63}|rediss?://([^@:/]+@)?[^@/]+(/\d+)?)$",
        examples=["snapshot", "disk", "sagemaker://weekly", "redis://redis.example:6379/0"],
        description="Where workers look weekly aggregates up: `snapshot` (in memory), `disk` (when they outgrow it), "
        "`sagemaker://<feature group>`, `redis://host:port/0`, with a user of its access list `redis://user@host:port/0`, or `rediss://...` (TLS); all but the first are filled with `fraudstream store load`.",
    )
    weekly_cache_cards: int = Field(
        200_000,
        ge=0,
        description="Most weeks a worker remembers of a store that is not in its memory; 0: none.",
    )
    weekly_password_file: Path | None = Field(None, description="File with the password of Redis.")
    weekly_endpoint_url: str | None = Field(
        None,
        pattern=r"^https?://",
        examples=["https://featurestore.example"],
        description="Where Feature Store is. Default: AWS's endpoint of the region.",
    )
    weekly_region: str | None = Field(
        None, description="Region of Feature Store. Default: AWS's configuration."
    )
    weekly_profile: str | None = Field(None, description="Profile of AWS's configuration to use.")
    lateness_horizon_s: int = Field(
        3600,
        ge=0,
        description="How far behind the newest payment a late one may be and still find its ten minutes kept whole.",
    )
    future_tolerance_s: int = Field(
        600,
        ge=0,
        description="How far a payment's time may lie after its Kafka timestamp before it is a dead letter.",
    )
