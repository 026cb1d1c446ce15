"""Every topic: its name, who writes and reads it, and how long Kafka keeps it."""

from dataclasses import dataclass
from typing import Literal

from fraudstream.domain.times import DAY_MS, HOUR_MS
from fraudstream.settings import Settings

Role = Literal["worker", "producer", "archiver", "reader", "operator", "console", "admin"]
"""Whose rights in Kafka differ; acls.py says what each does."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as we create it. `name` is without the prefix of the settings."""

    name: str
    purpose: str
    retention_ms: int
    written_by: Role
    read_by: tuple[Role, ...]
    config: tuple[tuple[str, str], ...] = ()

    def configs(self) -> dict[str, str]:
        """Return Kafka's topic configuration."""
        return {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms), **dict(self.config)}


TRANSACTIONS = Topic(
    "transactions",
    "payments to decide; key: the entity, such as the card number, or none",
    7 * DAY_MS,
    "producer",
    ("worker", "operator"),  # who sends records of dead letters again
)
REPARTITIONED = Topic(
    "transactions-by-card",
    "payments that a worker repartitioned by entity; key: entity token",
    7 * DAY_MS,
    "worker",
    ("worker", "operator"),  # the same
)
DECISIONS = Topic(
    "decisions",
    "one decision for every payment; key: entity token",
    7 * DAY_MS,
    "worker",
    (
        "archiver",
        "reader",
        "operator",
        "console",
    ),  # a release is tried on the newest decisions before it is used
)
ALERTS = Topic(
    "fraud-alerts",
    "decisions whose outcome is not approve; key: entity token",
    30 * DAY_MS,
    "worker",
    ("reader", "console"),
)
DEAD_LETTERS = Topic(
    "dead-letters",
    "records that got no decision, with the reason",
    30 * DAY_MS,
    "worker",
    (
        "worker",
        "reader",
        "operator",
    ),  # a worker that verifies its state reads which payments were never counted
)
LABELS = Topic(
    "labels",
    "what a payment turned out to be; key: transaction id",
    365 * DAY_MS,
    "producer",
    ("archiver", "console"),
)
RELEASES = Topic(
    "releases",
    "which release decides, which is canary and which challenger; key: event type and role",
    365 * DAY_MS,  # of records with an older revision, which compaction removes anyway
    "operator",
    ("worker",),
    (("cleanup.policy", "compact"),),
)
RELEASES_APPLIED = Topic(
    "releases-applied",
    "which release each worker applied or refused, and why; key: worker",
    30 * DAY_MS,
    "worker",
    ("operator", "reader"),
)
SHADOW_DECISIONS = Topic(
    "shadow-decisions",
    "what the challenger would have decided otherwise; key: entity token",
    7 * DAY_MS,
    "worker",
    ("operator", "reader"),
)
REPLIES = Topic(
    "replies",
    "what became of payments that were asked for over HTTP, a copy for the asker; key: request",
    HOUR_MS,
    "worker",
    ("producer",),
)
LISTS = Topic(
    "lists",
    "what is on lists, and which rules are snoozed; key: list and value",
    365 * DAY_MS,  # of what compaction leaves, which is for ever
    "operator",
    ("worker", "operator"),
    (
        ("cleanup.policy", "compact"),
        ("min.compaction.lag.ms", str(3 * DAY_MS)),  # so long former states of entries can be known
        ("delete.retention.ms", str(3 * DAY_MS)),
    ),
)
CASES = Topic(
    "cases",
    "what is reviewed and what became of it: the newest state of each case; key: case id",
    365 * DAY_MS,  # of what compaction leaves, which is for ever
    "console",
    ("console", "reader"),
    (("cleanup.policy", "compact"),),
)
TOPICS = (
    TRANSACTIONS,
    REPARTITIONED,
    DECISIONS,
    ALERTS,
    DEAD_LETTERS,
    LABELS,
    RELEASES,
    RELEASES_APPLIED,
    SHADOW_DECISIONS,
    REPLIES,
    LISTS,
    CASES,
)
NOT_NEEDED_TO_DECIDE = frozenset(
    {RELEASES.name, RELEASES_APPLIED.name, SHADOW_DECISIONS.name, LISTS.name, CASES.name}
)
"""Without them workers go on with the releases and lists that they have, and know nothing of cases."""
WRITTEN_BY_OTHERS = tuple(topic for topic in TOPICS if topic.written_by != "worker")

ACTIVITY_TABLE = "activity"
CHANGELOG_RETENTION_MS = 3 * DAY_MS
"""Longer than two of the longest windows (a day) and the longest outage we promise to survive. The log holds deltas, so it is not compacted."""


def sources(settings: Settings) -> tuple[str, str]:
    """Return the full names of the two topics that payments are decided from, the users' own first."""
    return settings.topic(TRANSACTIONS.name), settings.topic(REPARTITIONED.name)


def changelog(settings: Settings) -> Topic:
    """Return the activity table's changelog topic, named as Faust names it (full name, prefix not applied)."""
    return Topic(
        f"{settings.app_id}-{ACTIVITY_TABLE}-changelog",
        "changes of the workers' state; nobody else may write here",
        CHANGELOG_RETENTION_MS,
        "worker",
        ("worker",),
        (("segment.ms", str(HOUR_MS)),),
    )


def outputs(settings: Settings) -> set[str]:
    """Return the full names of the topics that a worker writes."""
    return set(all_topics(settings)) - {settings.topic(topic.name) for topic in WRITTEN_BY_OTHERS}


def resending(settings: Settings) -> str:
    """Return the one transactional id of those who send records of dead letters again."""
    return f"{settings.app_id}-resend"


def archive_group(settings: Settings) -> str:
    """Return the consumer group of the archivers."""
    return f"{settings.app_id}-archive"


def console_group(settings: Settings) -> str:
    """Return the consumer group under which Kafka shows how far the console has read."""
    return f"{settings.app_id}-console"


def console_transactions(settings: Settings) -> str:
    """Return the one transactional id of those who publish cases and their labels."""
    return f"{settings.app_id}-console"


def all_topics(settings: Settings) -> dict[str, Topic]:
    """Return every topic by its full name, prefix applied, changelog included."""
    named = {settings.topic(topic.name): topic for topic in TOPICS}
    log = changelog(settings)
    return {**named, log.name: log}
