"""What a plan rests on: each figure with its default, what it means, and where the default is from.

`fraudstream sizing` makes an option of each field, so a figure is declared here once.
"""

from dataclasses import Field, dataclass, field, fields
from typing import Any

from fraudstream.domain.times import DAY_MS
from fraudstream.domain.windows.entries import WINDOW_MS
from fraudstream.settings import Settings
from fraudstream.topics import ALERTS, CHANGELOG_RETENTION_MS, DECISIONS, TRANSACTIONS

SIZES = "python -m benchmarks.record_sizes"
WORKERS = "python -m benchmarks --part workers"
CARDS = "python -m benchmarks.cards"
ASSUMED = "assumed"
OURS = "the default of our settings and topics"

LATENESS_HORIZON_S: int = Settings.model_fields["lateness_horizon_s"].default


def given(
    default: float,
    about: str,
    source: str,
    *,
    least: float = 0.0,
    most: float | None = None,
    above: bool = False,
) -> Any:
    """Return a field with its range; `above`: the least value itself is out of the range."""
    told = {"about": about, "source": source, "least": least, "most": most, "above": above}
    return field(default=default, metadata=told)


def share(default: float, about: str, source: str, *, above: bool = False) -> Any:
    """Return a field between 0 and 1."""
    return given(default, about, source, most=1.0, above=above)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """Everything the model takes. Bytes are on disk, uncompressed, with the headers of records and batches."""

    payments_per_second: float = given(1_000.0, "Payments per second at the busiest time.", ASSUMED)
    mean_share: float = share(
        1.0, "Mean rate of a day, as a share of the busiest; for bytes per day.", ASSUMED
    )
    repartitioned_share: float = share(
        0.0, "Share of payments that come without a key, or with another than the card's.", ASSUMED
    )
    alert_share: float = share(0.044, "Share of payments that become alerts.", SIZES)
    cards: float = given(100_000_000, "Cards with weekly aggregates.", ASSUMED)
    replication: int = given(3, "Replicas of each topic.", ASSUMED, least=1)

    worker_payments_per_second: float = given(
        30_000,
        "Payments of a backlog that one worker process decides in a second of CPU.",
        WORKERS,
        above=True,
    )
    repartition_cost: float = given(
        0.8, "What repartitioning a payment costs a worker, as a share of deciding it.", WORKERS
    )
    worker_load: float = share(
        0.5,
        "Share of a worker's speed that is used; the rest catches up after an outage.",
        ASSUMED,
        above=True,
    )
    worker_cores: float = given(1.0, "Cores for a worker process.", WORKERS, above=True)
    worker_memory_mb: float = given(472.0, "Memory of a worker process, without a snapshot of weeks.", CARDS)
    partitions_per_worker: int = given(
        2, "Partitions for each worker, to add workers later.", ASSUMED, least=1
    )

    broker_cpu_us_per_payment: float = given(
        9, "CPU of a broker for a payment and all that is written for it, one replica.", WORKERS
    )
    broker_cores: float = given(8, "Cores of a broker.", ASSUMED, above=True)
    broker_memory_gb: float = given(32, "Memory of a broker, most of it page cache.", ASSUMED)
    broker_disk_tb: float = given(8, "Disk of a broker.", ASSUMED, above=True)
    broker_mb_per_second: float = given(
        500, "What a broker's network and disk take in, and give out, per second.", ASSUMED, above=True
    )
    broker_load: float = share(
        0.5, "Share of a broker's CPU, network and disk that is used.", ASSUMED, above=True
    )
    readers: float = given(2, "Programs that read all decisions: the archiver and others.", ASSUMED)

    transaction_bytes: float = given(160, "A record of transactions.", SIZES)
    repartitioned_bytes: float = given(258, "A record of transactions-by-card.", SIZES)
    decision_bytes: float = given(962, "A record of decisions.", SIZES)
    alert_bytes: float = given(1108, "A record of fraud-alerts.", SIZES)
    changelog_bytes: float = given(48, "What the changelog takes for a payment.", SIZES)
    archive_row_bytes: float = given(63, "A row of the archive (Parquet, zstd).", SIZES)
    state_bytes: float = given(60, "What RocksDB takes for a payment it keeps.", SIZES)
    weekly_bytes_per_card: float = given(
        331.0,
        "Memory for a card's weeks in a snapshot of 10 million cards.",
        "docs/benchmarks.md, weekly stores",
    )

    transactions_days: float = given(
        TRANSACTIONS.retention_ms / DAY_MS, "How long transactions are kept.", OURS
    )
    decisions_days: float = given(DECISIONS.retention_ms / DAY_MS, "How long decisions are kept.", OURS)
    alerts_days: float = given(ALERTS.retention_ms / DAY_MS, "How long alerts are kept.", OURS)
    changelog_days: float = given(CHANGELOG_RETENTION_MS / DAY_MS, "How long the changelog is kept.", OURS)
    state_s: float = given(
        LATENESS_HORIZON_S + 3 * WINDOW_MS / 1000,
        "How long a worker keeps a payment: the allowed lateness, a window, and two buckets.",
        OURS,
    )


def declared() -> tuple[Field[Any], ...]:
    """Return every figure as it is declared."""
    return fields(Assumptions)
