"""Sizes, waits and time-outs of the data path."""

from pydantic import Field
from pydantic_settings import BaseSettings


class ThroughputSettings(BaseSettings):
    """Throughput, latency and delivery."""

    batch_rows_max: int = Field(2048, ge=1, description="Most payments decided in one micro-batch.")
    chunk_rows_max: int = Field(
        512, ge=1, description="Most records of one partition delivered as one Faust event."
    )
    pending_rows_max: int = Field(
        16_384,
        ge=1,
        description="Most payments fetched and not yet decided; bounds the memory they take.",
    )
    linger_ms: float = Field(
        0.0,
        ge=0,
        le=1000,
        description="How long a micro-batch waits for company beyond what was fetched with it.",
    )
    session_timeout_s: float = Field(
        6.0,
        gt=0,
        description="How long a silent worker keeps its partitions. 6 is the least Kafka allows by default; a killed worker's "
        "payments are decided again after a little more.",
    )
    stall_timeout_s: float = Field(
        40.0,
        gt=0,
        description="How long a recovery or a rebalance may make no progress before the worker ends itself. A rebalance may "
        "wait 30 s for another worker, so less also ends workers that do nothing wrong.",
    )
    publish_patience_s: float = Field(
        300.0,
        gt=0,
        description="How long the worker waits for brokers that do not take what it publishes, or for withdrawn rights, before "
        "it ends itself: with code 75 if it may find them at its next start, with 2 if a person has to act. Its health says so at once.",
    )
    commit_interval_s: float = Field(
        1.0, gt=0, description="How often offsets are committed; bounds what a restart replays."
    )

    exactly_once_outputs: bool = Field(
        False,
        description="Publish decisions, alerts, dead letters and source offsets in one transaction: consumers with "
        "isolation.level=read_committed see each decision once, whatever fails. Costs latency. Change it only while no worker runs.",
    )
