"""What a decision is made with."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings

from fraudstream.domain.registry.versions import VERSION_PATTERN
from fraudstream.domain.weekly import MIDNIGHTS_KEPT


class DecisionSettings(BaseSettings):
    """Event type, model, threshold, weekly aggregates and times."""

    event_type: str = Field(
        "card",
        pattern=r"^([a-z0-9_-]{1,64}|.+\.toml)$",
        examples=["card", "./payout.toml"],
        description="Event type to decide: the name of one of the package, or the path of your own file, "
        "which must end with `.toml` (docs/event-types.md).",
    )
    model: str = Field(
        "active",
        pattern=rf"^(active|{VERSION_PATTERN})$",
        examples=["active", "1.2"],
        description="Model version to score with, as `fraudstream models list` shows it; `active`: the active one.",
    )
    fraud_threshold: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Probability above which a payment is fraud; rules use it as FRAUD_THRESHOLD. Default: the model's threshold.",
    )
    release_dry_run_ms: float = Field(
        250.0,
        gt=0,
        description="How long deciding a thousand events may take with a release, in ms, before it is refused; it is tried on the newest "
        "events before it decides (docs/releases.md).",
    )
    shadow_time_share: float = Field(
        0.2,
        gt=0,
        le=1,
        description="How much of its time a worker may spend on deciding with a challenger, 0 to 1; what does not fit in is skipped and "
        "counted (docs/releases.md).",
    )
    lookup_timeout_ms: int = Field(
        50,
        ge=1,
        le=10_000,
        description="How long the lookup of weekly aggregates may take, in ms, before payments are decided without them.",
    )
    weekly_kept: int = Field(
        MIDNIGHTS_KEPT,
        ge=2,
        description="Number of midnights whose weekly aggregates are kept; increase it to replay payments that are older than a day.",
    )
    weekly_store: str = Field(
        "snapshot",
        pattern=r"^(snapshot|disk|sagemaker://[a-zA-Z0-9]([-_]*[a-zA-Z0-9]){0,63}|rediss?://([^@:/]+@)?[^@/]+(/\d+)?)$",
        examples=["snapshot", "disk", "sagemaker://weekly", "redis://redis.example:6379/0"],
        description="Where workers look up weekly aggregates: `snapshot` (in memory), `disk` (if they do not fit in memory), "
        "`sagemaker://<feature group>`, `redis://host:port/0`, `redis://user@host:port/0` (with a user of Redis' ACL) or `rediss://...` (TLS). Load all but `snapshot` with `fraudstream store load`.",
    )
    weekly_cache_cards: int = Field(
        200_000,
        ge=0,
        description="How many weekly aggregates of a store outside its memory a worker caches; 0: none.",
    )
    weekly_password_file: Path | None = Field(None, description="File with the password for Redis.")
    weekly_endpoint_url: str | None = Field(
        None,
        pattern=r"^https?://",
        examples=["https://featurestore.example"],
        description="URL of SageMaker Feature Store. Default: AWS's endpoint of the region.",
    )
    weekly_region: str | None = Field(
        None, description="AWS region of SageMaker Feature Store. Default: that of the AWS configuration."
    )
    weekly_profile: str | None = Field(None, description="Profile of the AWS configuration to use.")
    lateness_horizon_s: int = Field(
        3600,
        ge=0,
        description="Allowed lateness in seconds: how far a payment may be behind the watermark and still find its windows complete. "
        "Later payments are decided as degraded (`late`).",
    )
    future_tolerance_s: int = Field(
        600,
        ge=0,
        description="How many seconds a payment's event time may lie after its Kafka timestamp; beyond that it is a dead letter.",
    )
