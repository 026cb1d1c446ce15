"""Sizes, waits and time-outs of the data path."""

from pydantic import Field
from pydantic_settings import BaseSettings


class ThroughputSettings(BaseSettings):
    """Throughput, latency and delivery."""

    batch_rows_max: int = Field(2048, ge=1, description="Maximum number of payments in one micro-batch.")
    chunk_rows_max: int = Field(
        512,
        ge=1,
        description="Maximum number of records of one partition that are passed on as one Faust event.",
    )
    pending_rows_max: int = Field(
        16_384,
        ge=1,
        description="Maximum number of payments that are fetched and not yet decided; limits memory.",
    )
    linger_ms: float = Field(
        0.0,
        ge=0,
        le=1000,
        description="How long a micro-batch waits for more payments, in ms; payments of one fetch are taken together even with 0.",
    )
    session_timeout_s: float = Field(
        6.0,
        gt=0,
        description="Kafka's session timeout in seconds: a worker that sends no heartbeat for this long loses its partitions to "
        "other workers. Kafka's default minimum is 6.",
    )
    stall_timeout_s: float = Field(
        40.0,
        gt=0,
        description="How many seconds a recovery or a rebalance may make no progress before the worker exits. A rebalance may "
        "wait 30 s for another worker, so a smaller value also ends healthy workers.",
    )
    publish_patience_s: float = Field(
        300.0,
        gt=0,
        description="How many seconds the worker retries if brokers do not accept what it publishes, rights are missing, or the schema "
        "registry does not answer, before it exits: with code 75 if the cause may pass by itself, with 2 if a person has to act. Health shows the cause at once.",
    )
    commit_interval_s: float = Field(
        1.0,
        gt=0,
        description="How often offsets are committed, in seconds; after a crash, the payments of this time are decided again.",
    )

    exactly_once_outputs: bool = Field(
        False,
        description="Publish decisions, alerts, dead letters and source offsets in one transaction: consumers with "
        "isolation.level=read_committed see each decision once, whatever fails. Adds latency. Change it only while no worker runs.",
    )
