"""Every metric: its name, type, help text and labels in one table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as it is declared; `buckets` are upper bounds in the metric's unit (histograms only)."""

    name: str
    type: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


LATENCY_BUCKETS_S = tuple(
    bound_ms / 1000.0
    for bound_ms in (
        1,
        2,
        3,
        5,
        7.5,
        10,
        15,
        20,
        30,
        50,
        75,
        100,
        150,
        250,
        500,
        1e3,
        2.5e3,
        5e3,
        1e4,
        3e4,
        6e4,
    )
)
STAGE_BUCKETS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
BATCH_BUCKETS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0)

STATUSES = ("ok", "degraded", "recovering", "stalled", "failing")

METRICS = (
    Metric("fraudstream_payments_total", "counter", "Payments decided, by outcome.", ("outcome",)),
    Metric(
        "fraudstream_dead_letters_total",
        "counter",
        "Records published as dead letters, by reason.",
        ("reason",),
    ),
    Metric("fraudstream_degraded_total", "counter", "Degraded decisions, by what was missing.", ("reason",)),
    Metric(
        "fraudstream_undeclared_fields_total",
        "counter",
        "Fields that the event type does not declare, by name; names after the first 32 are counted as (other).",
        ("field",),
    ),
    Metric(
        "fraudstream_nightly_runs_total",
        "counter",
        "Runs of the nightly job, by result.",
        ("result",),
    ),
    Metric(
        "fraudstream_forwarded_total", "counter", "Payments repartitioned to the partition of their entity."
    ),
    Metric(
        "fraudstream_decision_latency_seconds",
        "histogram",
        "Seconds from a payment's Kafka timestamp to its acknowledged decision.",
        (),
        LATENCY_BUCKETS_S,
    ),
    Metric(
        "fraudstream_stage_seconds",
        "histogram",
        "Seconds that a micro-batch spends in a stage.",
        ("stage",),
        STAGE_BUCKETS_S,
    ),
    Metric("fraudstream_batch_payments", "histogram", "Payments in a micro-batch.", (), BATCH_BUCKETS),
    Metric(
        "fraudstream_weekly_cards_total",
        "counter",
        "Lookups of entities in a weekly store outside memory, by where the answer came from (cache, store) or why there was none.",
        ("result",),
    ),
    Metric(
        "fraudstream_weekly_calls_total",
        "counter",
        "Calls to a weekly store outside memory: answered, failed, or late (after the deadline).",
        ("result",),
    ),
    Metric(
        "fraudstream_weekly_breaker_state",
        "gauge",
        "Circuit breaker of a weekly store outside memory: 0 closed, 1 half-open (one trial call), 2 open (no calls).",
    ),
    Metric(
        "fraudstream_source_offset", "gauge", "Offset of the last record decided.", ("topic", "partition")
    ),
    Metric(
        "fraudstream_source_lag",
        "gauge",
        "Records after the last one decided.",
        ("topic", "partition"),
    ),
    Metric(
        "fraudstream_state_wiped_total",
        "counter",
        "Partitions whose RocksDB was deleted, and rebuilt from the changelog, since the worker started.",
    ),
    Metric(
        "fraudstream_undecided_partitions",
        "gauge",
        "Partitions of a source topic that no worker decides, because they were added with other tools than `fraudstream topics grow`.",
        ("topic",),
    ),
    Metric(
        "fraudstream_removed_undecided_total",
        "counter",
        "Source records that Kafka deleted (retention, kafka-delete-records) before they were decided.",
        ("topic", "partition"),
    ),
    Metric(
        "fraudstream_restarted_partitions_total",
        "counter",
        "Partitions that had state and were read from the earliest record, because the group had no committed offset.",
        ("topic", "partition"),
    ),
    Metric(
        "fraudstream_last_progress_timestamp_seconds",
        "gauge",
        "Unix time at which the last micro-batch was finished.",
    ),
    Metric("fraudstream_healthy", "gauge", "1 if the health page answers 200, else 0."),
    Metric(
        "fraudstream_status",
        "gauge",
        "1 for the status the health page shows, 0 for the others.",
        ("status",),
    ),
    Metric(
        "fraudstream_info",
        "gauge",
        "Always 1; its labels say what is running.",
        ("version", "model_version", "ruleset_version"),
    ),
    Metric(
        "fraudstream_release_info",
        "gauge",
        "Always 1; its labels say which release has which role (champion, canary) here.",
        ("role", "release"),
    ),
    Metric(
        "fraudstream_shadow_total",
        "counter",
        "Events that the challenger should decide: same outcome, different, skipped for lack of time, failed, unpublished (different, and its topic could not be written).",
        ("result",),
    ),
    Metric(
        "fraudstream_shadow_changes_total",
        "counter",
        "Events that the challenger would have decided otherwise, by what was decided and what it would have.",
        ("outcome", "challenger_outcome"),
    ),
    Metric(
        "fraudstream_releases_refused_total",
        "counter",
        "Releases that this worker refused, by the role that they should have had.",
        ("role",),
    ),
)
"""Every metric of ours. Documentation, dashboards and alert rules are tested against this table."""

PROCESS_METRICS = (
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_virtual_memory_bytes",
)
"""What prometheus-client's process collector adds (Linux)."""
